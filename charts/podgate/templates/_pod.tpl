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
  {{- if and $.Values.ledger.enabled (or (eq .role "controller") (and (eq .role "all") (include "podgate.ledgerClaim" $))) }}
  # One writes to the store at a time. Webhooks keep their records meanwhile.
  strategy:
    type: Recreate
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      # A replica goes when its successor is ready, never before.
      maxUnavailable: 0
      maxSurge: 1
  {{- end }}
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
{{- if and (eq .role "webhook") (include "podgate.sends" $) }}
# Where the controller is, so that no name must be looked up.
enableServiceLinks: true
{{- else }}
enableServiceLinks: false
{{- end }}
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
# The grace, the 20 s that requests in flight have to end, the 5 s that the last records have, the 3 s of the last telemetry, and something to spare.
terminationGracePeriodSeconds: {{ add $.Values.webhook.shutdownGraceSeconds 33 }}
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
  {{- if and $.Values.ledger.enabled $.Values.ledger.urlSecret }}
  - name: LEDGER_URL
    valueFrom:
      secretKeyRef: {name: {{ $.Values.ledger.urlSecret }}, key: url}
  {{- end }}
  {{- end }}
  ports:
  {{- if $serves }}
  - name: https
    containerPort: 8443
  {{- end }}
  {{- if and (eq .role "controller") (include "podgate.sends" $) }}
  - name: ledger
    containerPort: 8444
  {{- end }}
  {{- if and (eq .role "controller") (include "podgate.console" $) }}
  - name: console
    containerPort: 8445
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
{{- with $.Values.policies.maxExceptionLife }}
- --max-exception-life={{ . }}
{{- end }}
{{- if $.Values.policies.watch }}
- --watch-policies
{{- end }}
{{- if and $.Values.webhook.watchNodes (or $serves $.Values.policies.watch) }}
- --watch-nodes
{{- end }}
{{- if and $controls (include "podgate.proves" $) }}
- --prove-in={{ include "podgate.proofNamespace" $ }}
- --prove-every={{ $.Values.controller.proof.every }}
{{- end }}
{{- if $serves }}
- --listen={{ $.Values.listenAddress }}:8443
- --record={{ $.Values.webhook.record }}
- --shutdown-grace={{ $.Values.webhook.shutdownGraceSeconds }}s
{{- if $.Values.webhook.watchNamespaces }}
- --watch-namespaces
{{- end }}
{{- if and $.Values.ledger.enabled $.Values.ledger.keySecret }}
- --ledger-key=/etc/podgate/ledger-key/key.pem
{{- else if include "podgate.makesKey" $ }}
- --ledger-key=/etc/podgate/ledger-key/key.pem
{{- end }}
{{- if $.Values.ledger.enabled }}
- --ledger-spool=/var/lib/podgate/spool
- --ledger-spool-max={{ regexReplaceAll "i$" $.Values.ledger.spoolSize "iB" }}
- --ledger-sync={{ $.Values.ledger.sync }}
- --ledger-unrecorded={{ $.Values.ledger.unrecorded }}
{{- end }}
{{- if $.Values.otlp.endpoint }}
- {{ printf "--otlp-endpoint=%s" $.Values.otlp.endpoint | quote }}
{{- if $.Values.otlp.headersSecret }}
- --otlp-headers=/etc/podgate/otlp-headers/headers
{{- end }}
{{- if $.Values.otlp.caSecret }}
- --otlp-ca=/etc/podgate/otlp-ca/ca.crt
{{- end }}
{{- end }}
{{- if and (not $controls) (include "podgate.sends" $) }}
- --ledger-send=https://{{ include "podgate.controllerAccount" $ }}.{{ $.Release.Namespace }}.svc:8444
- --ledger-send-address=$({{ include "podgate.controllerAccount" $ | upper | replace "-" "_" }}_SERVICE_HOST)
- --ledger-tls=/etc/podgate/tls
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
{{- if and $controls $.Values.ledger.enabled }}
{{- if $.Values.ledger.urlSecret }}
- --ledger=$(LEDGER_URL)
{{- else }}
- --ledger=sqlite:/var/lib/podgate/ledger.db
{{- end }}
{{- if include "podgate.reports" $ }}
- --reports
{{- end }}
{{- if include "podgate.events" $ }}
- --events
{{- end }}
- --ledger-keep={{ $.Values.ledger.keep }}
- --ledger-max-size={{ $.Values.ledger.maxSize }}
{{- if and $serves $.Values.console.enabled }}
- --console=127.0.0.1:8445
{{- end }}
{{- if not $serves }}
{{- if include "podgate.console" $ }}
- --console={{ $.Values.listenAddress }}:8445
{{- end }}
- --ledger-listen={{ $.Values.listenAddress }}:8444
- --ledger-tls=/etc/podgate/tls
- --ledger-client-name={{ include "podgate.fullname" $ }}.{{ $.Release.Namespace }}.svc
{{- end }}
{{- end }}
{{- if $controls }}
- --namespace=$(POD_NAMESPACE)
{{- if $managed }}
- --tls-managed
- --service={{ include "podgate.fullname" $ }}
- --certificate-secret={{ include "podgate.certificateSecret" $ }}
- --webhook-configuration={{ include "podgate.fullname" $ }}
{{- if include "podgate.sends" $ }}
- --tls-san={{ include "podgate.controllerAccount" $ }}.{{ $.Release.Namespace }}.svc
{{- end }}
{{- if include "podgate.makesKey" $ }}
- --ledger-key-secret={{ include "podgate.ledgerKeySecret" $ }}
{{- end }}
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
{{- if include "podgate.mountsTls" . }}
- name: tls
  mountPath: /etc/podgate/tls
  readOnly: true
{{- end }}
{{- if and (ne .role "controller") $.Values.clientCa.bundle }}
- name: client-ca
  mountPath: /etc/podgate/client-ca
  readOnly: true
{{- end }}
{{- range include "podgate.otlpSecrets" . | fromYamlArray }}
- name: {{ .name }}
  mountPath: /etc/podgate/{{ .name }}
  readOnly: true
{{- end }}
{{- if $.Values.ledger.enabled }}
- name: ledger
  mountPath: /var/lib/podgate
{{- if ne .role "controller" }}
- name: ledger-key
  mountPath: /etc/podgate/ledger-key
  readOnly: true
{{- end }}
{{- end }}
{{- end }}

{{/* Who reads the certificate from files: who serves with it without keeping it, and who takes records in. */}}
{{- define "podgate.mountsTls" -}}
{{- if eq .role "controller" }}{{ include "podgate.sends" .root }}
{{- else if not (and (eq .role "all") (include "podgate.managed" .root)) }}true
{{- end }}
{{- end }}

{{/* Secrets of who sends telemetry. */}}
{{- define "podgate.otlpSecrets" -}}
{{- with .root.Values.otlp }}
{{- if and .endpoint (ne $.role "controller") }}
{{- if .headersSecret }}
- {name: otlp-headers, key: headers, secret: {{ .headersSecret | quote }}}
{{- end }}
{{- if .caSecret }}
- {name: otlp-ca, key: ca.crt, secret: {{ .caSecret | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "podgate.volumes" -}}
{{- $ := .root }}
- name: policies
  configMap:
    name: {{ include "podgate.fullname" $ }}-policies
{{- if include "podgate.mountsTls" . }}
- name: tls
  projected:
    defaultMode: 288 # 0440
    sources:
    - secret:
        name: {{ include "podgate.certificateSecret" $ }}
        {{- if eq .role "controller" }}
        # Who makes it cannot wait for it.
        optional: true
        {{- end }}
        items:
        - {key: tls.crt, path: tls.crt}
        - {key: tls.key, path: tls.key}
        {{- if and (include "podgate.sends" $) (ne $.Values.certificates.mode "secret") }}
        - {key: ca.crt, path: ca.crt}
        {{- end }}
    {{- if and (include "podgate.sends" $) (eq $.Values.certificates.mode "secret") }}
    - configMap:
        name: {{ include "podgate.fullname" $ }}-ledger-ca
        items:
        - {key: ca.crt, path: ca.crt}
    {{- end }}
{{- end }}
{{- if and (ne .role "controller") $.Values.clientCa.bundle }}
- name: client-ca
  configMap:
    name: {{ include "podgate.fullname" $ }}-client-ca
{{- end }}
{{- range include "podgate.otlpSecrets" . | fromYamlArray }}
- name: {{ .name }}
  secret:
    secretName: {{ .secret | quote }}
    defaultMode: 288 # 0440
    items:
    - {key: {{ .key }}, path: {{ .key }}}
{{- end }}
{{- if $.Values.ledger.enabled }}
- name: ledger
  {{- if and (ne .role "webhook") (include "podgate.ledgerClaim" $) (not $.Values.ledger.urlSecret) }}
  persistentVolumeClaim:
    claimName: {{ include "podgate.ledgerClaim" $ }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- if ne .role "controller" }}
- name: ledger-key
  secret:
    secretName: {{ include "podgate.ledgerKeySecret" $ }}
    defaultMode: 288 # 0440
    # Where it is not there yet, heads are signed once it is.
    optional: true
    items:
    - {key: key.pem, path: key.pem}
{{- end }}
{{- end }}
{{- end }}
