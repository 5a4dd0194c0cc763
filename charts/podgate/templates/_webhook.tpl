{{/* What all entries share: `root`, `path`, `failurePolicy`. */}}
{{- define "podgate.webhook" -}}
clientConfig:
  service:
    namespace: {{ .root.Release.Namespace }}
    name: {{ include "podgate.fullname" .root }}
    path: {{ .path }}
    port: 443
  {{- with .root.Values.certificates.caBundle }}
  caBundle: {{ b64enc . }}
  {{- end }}
admissionReviewVersions: [v1]
sideEffects: None
failurePolicy: {{ .failurePolicy }}
matchPolicy: Equivalent
timeoutSeconds: {{ .root.Values.webhook.timeoutSeconds }}
{{- end }}

{{- define "podgate.injectCa" -}}
{{- if eq .Values.certificates.mode "certManager" -}}
annotations:
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "podgate.fullname" . }}
{{- end }}
{{- end }}

{{/* Podgate's own namespace and those left out, by the label that the API server itself sets: `root`, `operator` (In or NotIn). */}}
{{- define "podgate.namespaces" -}}
namespaceSelector:
  matchExpressions:
  - key: kubernetes.io/metadata.name
    operator: {{ .operator }}
    values:
    {{- prepend .root.Values.webhook.excludedNamespaces .root.Release.Namespace | uniq | toYaml | nindent 4 }}
{{- end }}

{{/* Pods, what changes pods, and what makes pods. Named one by one: a resource that nobody thought of is none that a pod comes from. */}}
{{- define "podgate.rules" -}}
- apiGroups: [""]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [pods, replicationcontrollers, podtemplates]
  scope: Namespaced
- apiGroups: [""]
  apiVersions: [v1]
  operations: [UPDATE]
  resources: [pods/ephemeralcontainers, pods/resize]
  scope: Namespaced
# A Binding may bring annotations along, AppArmor's among them.
- apiGroups: [""]
  apiVersions: [v1]
  operations: [CREATE]
  resources: [pods/binding, bindings]
  scope: Namespaced
- apiGroups: [apps]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [deployments, replicasets, statefulsets, daemonsets]
  scope: Namespaced
- apiGroups: [batch]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [jobs, cronjobs]
  scope: Namespaced
{{- end }}
