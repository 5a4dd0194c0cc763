{{/* The one Deployment, for each role: `root`, `role` (webhook, controller or all), `name`, `account`, `settings` (.Values.webhook or .Values.controller). */}}
{{- define "podgate.deployment" -}}
{{- $ := .root }}
{{- $component := eq .role "controller" | ternary "controller" "webhook" }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "podgate.labels" $ | nindent 4 }}
    app.kubernetes.io/component: {{ $component }}
spec:
  {{- if eq .role "controller" }}
  replicas: 1
  {{- else if not $.Values.webhook.autoscaling.enabled }}
  replicas: {{ include "podgate.replicas" $ }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "podgate.selector" $ | nindent 6 }}
      app.kubernetes.io/component: {{ $component }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      # A replica goes when its successor is ready, never before.
      maxUnavailable: 0
      maxSurge: 1
  template:
    metadata:
      labels:
        {{- include "podgate.selector" $ | nindent 8 }}
        app.kubernetes.io/component: {{ $component }}
      {{- with .settings.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "podgate.podSpec" . | nindent 6 }}
{{- end }}

{{- define "podgate.podSpec" -}}
{{- $ := .root }}
{{- $serves := ne .role "controller" }}
{{- $component := $serves | ternary "webhook" "controller" }}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ include "podgate.talks" . | eq "true" }}
enableServiceLinks: false
{{- with $.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- include "podgate.podSecurity" $ | nindent 0 }}
# The grace, the 20 s that requests in flight have to end, and something to spare.
terminationGracePeriodSeconds: {{ add $.Values.webhook.shutdownGraceSeconds 25 }}
containers:
- name: podgate
  image: {{ include "podgate.image" $ }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  args:
  {{- include "podgate.arguments" . | nindent 2 }}
  {{- if ne .role "webhook" }}
  env:
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  {{- end }}
  ports:
  {{- if $serves }}
  - name: https
    containerPort: 8443
  {{- end }}
  - name: admin
    containerPort: 8080
  startupProbe:
    httpGet: {path: /livez, port: admin}
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet: {path: /readyz, port: admin}
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: 2
  livenessProbe:
    httpGet: {path: /livez, port: admin}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  resources:
    {{- toYaml .settings.resources | nindent 4 }}
  {{- include "podgate.containerSecurity" $ | nindent 2 }}
  volumeMounts:
  {{- include "podgate.mounts" . | nindent 2 }}
volumes:
{{- include "podgate.volumes" . | nindent 0 }}
{{- if $serves }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- topologyKey: {{ . }}
  maxSkew: 1
  # A cluster of one node, or one that lost its zones, must be able to run Podgate.
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "podgate.selector" $ | nindent 6 }}
      app.kubernetes.io/component: {{ $component }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- with .settings.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations:
{{- toYaml . | nindent 0 }}
{{- end }}
{{- with .settings.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "podgate.podSecurity" -}}
{{- if include "podgate.userNamespaces" . }}
hostUsers: false
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  # Secrets are mounted for this group alone.
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "podgate.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "podgate.arguments" -}}
{{- $ := .root }}
{{- $serves := ne .role "controller" }}
{{- $controls := ne .role "webhook" }}
{{- $managed := include "podgate.managed" $ }}
- serve
- --role={{ .role }}
- --policies=/etc/podgate/policies
- --admin-listen={{ $.Values.listenAddress }}:8080
- --log-format={{ $.Values.logFormat }}
{{- with $.Values.cluster }}
- {{ printf "--cluster=%s" . | quote }}
{{- end }}
{{- range $.Values.policies.trustedLabels }}
- {{ printf "--trusted-label=%s" . | quote }}
{{- end }}
{{- if $.Values.policies.watch }}
- --watch-policies
{{- end }}
{{- if and $.Values.webhook.watchNodes (or $serves $.Values.policies.watch) }}
- --watch-nodes
{{- end }}
{{- if $serves }}
- --listen={{ $.Values.listenAddress }}:8443
- --record={{ $.Values.webhook.record }}
- --shutdown-grace={{ $.Values.webhook.shutdownGraceSeconds }}s
{{- if $.Values.webhook.watchNamespaces }}
- --watch-namespaces
{{- end }}
{{- if not (and $controls $managed) }}
- --tls-cert=/etc/podgate/tls/tls.crt
- --tls-key=/etc/podgate/tls/tls.key
{{- end }}
{{- if $.Values.clientCa.bundle }}
- --tls-client-ca=/etc/podgate/client-ca/ca.crt
{{- range $.Values.clientCa.names }}
- {{ printf "--tls-client-name=%s" . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- if $controls }}
- --namespace=$(POD_NAMESPACE)
{{- if $managed }}
- --tls-managed
- --service={{ include "podgate.fullname" $ }}
- --certificate-secret={{ include "podgate.certificateSecret" $ }}
- --webhook-configuration={{ include "podgate.fullname" $ }}
- --certificate-lifetime={{ $.Values.certificates.lifetime }}
- --ca-lifetime={{ $.Values.certificates.caLifetime }}
{{- end }}
{{- end }}
{{- end }}

{{- define "podgate.mounts" -}}
{{- $ := .root }}
- name: policies
  mountPath: /etc/podgate/policies
  readOnly: true
{{- if ne .role "controller" }}
{{- if not (and (eq .role "all") (include "podgate.managed" $)) }}
- name: tls
  mountPath: /etc/podgate/tls
  readOnly: true
{{- end }}
{{- if $.Values.clientCa.bundle }}
- name: client-ca
  mountPath: /etc/podgate/client-ca
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{- define "podgate.volumes" -}}
{{- $ := .root }}
- name: policies
  configMap:
    name: {{ include "podgate.fullname" $ }}-policies
{{- if ne .role "controller" }}
{{- if not (and (eq .role "all") (include "podgate.managed" $)) }}
- name: tls
  secret:
    # Not optional: the pod waits until there is one.
    secretName: {{ include "podgate.certificateSecret" $ }}
    defaultMode: 288 # 0440
    items:
    - {key: tls.crt, path: tls.crt}
    - {key: tls.key, path: tls.key}
{{- end }}
{{- if $.Values.clientCa.bundle }}
- name: client-ca
  configMap:
    name: {{ include "podgate.fullname" $ }}-client-ca
{{- end }}
{{- end }}
{{- end }}
