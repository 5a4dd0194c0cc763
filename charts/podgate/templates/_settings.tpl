{{/* What follows from the values. Each gives "true" or nothing, to be asked with `if`. */}}

{{- define "podgate.small" -}}
{{- if eq .Values.profile "small" }}true{{ end }}
{{- end }}

{{- define "podgate.paranoid" -}}
{{- if eq .Values.profile "paranoid" }}true{{ end }}
{{- end }}

{{- define "podgate.managed" -}}
{{- if eq .Values.certificates.mode "managed" }}true{{ end }}
{{- end }}

{{/* A controller of its own, where it has something to do. */}}
{{- define "podgate.controller" -}}
{{- if and (not (include "podgate.small" .)) (or (include "podgate.managed" .) .Values.policies.watch .Values.ledger.enabled (include "podgate.proves" .)) }}true{{ end }}
{{- end }}

{{/* Whether webhooks send their records to a controller. */}}
{{- define "podgate.sends" -}}
{{- if and .Values.ledger.enabled (include "podgate.controller" .) }}true{{ end }}
{{- end }}

{{/* Whether enforcement is proved again and again. */}}
{{- define "podgate.proves" -}}
{{- if .Values.controller.proof.enabled }}true{{ end }}
{{- end }}

{{- define "podgate.proofNamespace" -}}
{{ include "podgate.fullname" . }}-proof
{{- end }}

{{/* Whether denials are told of by Events. */}}
{{- define "podgate.events" -}}
{{- if and .Values.ledger.enabled .Values.ledger.events }}true{{ end }}
{{- end }}

{{/* Whether namespaces have Reports. */}}
{{- define "podgate.reports" -}}
{{- if and .Values.ledger.enabled .Values.ledger.reports }}true{{ end }}
{{- end }}

{{/* Whether the console is served to others, who must say who they are. */}}
{{- define "podgate.console" -}}
{{- if and .Values.console.enabled (include "podgate.sends" .) }}true{{ end }}
{{- end }}

{{/* Whether Podgate makes the key that signs. */}}
{{- define "podgate.makesKey" -}}
{{- if and .Values.ledger.enabled (include "podgate.managed" .) (not .Values.ledger.keySecret) }}true{{ end }}
{{- end }}

{{- define "podgate.ledgerKeySecret" -}}
{{ .Values.ledger.keySecret | default (printf "%s-ledger-key" (include "podgate.fullname" .)) }}
{{- end }}

{{- define "podgate.ledgerClaim" -}}
{{- with .Values.ledger.persistence }}
{{- if .existingClaim }}{{ .existingClaim }}
{{- else if .enabled }}{{ include "podgate.fullname" $ }}-ledger
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the webhook reads from the API server. */}}
{{- define "podgate.webhookWatches" -}}
{{- if or .Values.policies.watch .Values.webhook.watchNamespaces .Values.webhook.watchNodes }}true{{ end }}
{{- end }}

{{/* Whether the pods of a role (`role`, beside `root`) talk to the API server, and so carry a token. */}}
{{- define "podgate.talks" -}}
{{- if eq .role "webhook" }}{{ include "podgate.webhookWatches" .root }}
{{- else if eq .role "controller" }}{{ if or (include "podgate.managed" .root) .root.Values.policies.watch .root.Values.console.enabled (include "podgate.events" .root) (include "podgate.reports" .root) (include "podgate.proves" .root) }}true{{ end }}
{{- else if or (include "podgate.managed" .root) (include "podgate.webhookWatches" .root) (include "podgate.events" .root) (include "podgate.reports" .root) (include "podgate.proves" .root) }}true
{{- end }}
{{- end }}

{{/* User namespaces work without a feature gate from 1.33 on, but are general, and every supported runtime has them, only from 1.36 on. */}}
{{- define "podgate.userNamespaces" -}}
{{- $newEnough := semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version }}
{{- if eq (toString .Values.userNamespaces) "auto" }}{{ if $newEnough }}true{{ end }}
{{- else if .Values.userNamespaces }}true
{{- end }}
{{- end }}

{{- define "podgate.replicas" -}}
{{- $byProfile := dict "small" 1 "ha" 2 "paranoid" 3 }}
{{- .Values.webhook.replicas | default (get $byProfile .Values.profile) }}
{{- end }}

{{/* The service accounts of what watches and of what writes: two, or one where one process does both. */}}
{{- define "podgate.webhookAccount" -}}
{{ include "podgate.fullname" . }}{{ if not (include "podgate.small" .) }}-webhook{{ end }}
{{- end }}

{{- define "podgate.controllerAccount" -}}
{{ include "podgate.fullname" . }}{{ if not (include "podgate.small" .) }}-controller{{ end }}
{{- end }}

{{/* Values that each are right and together are not. The schema cannot say why; this can. */}}
{{- define "podgate.validate" -}}
{{- with .Values }}
{{- if not (or .policies.library .policies.documents) }}
{{- fail "policies: nothing would be in force: name a policy of the library in policies.library (such as baseline), or give one in policies.documents" }}
{{- end }}
{{- range $name, $_ := .policies.documents }}
{{- if has $name $.Values.policies.library }}
{{- fail (printf "policies.documents.%s: policies.library holds that name too: take it out there, or give the document another name" $name) }}
{{- end }}
{{- end }}
{{- if and (eq .certificates.mode "secret") (not .certificates.secretName) }}
{{- fail "certificates.secretName: mode secret needs the name of a Secret with tls.crt and tls.key" }}
{{- end }}
{{- if and (or .otlp.headersSecret .otlp.caSecret) (not .otlp.endpoint) }}
{{- fail "otlp.headersSecret and otlp.caSecret: mean nothing without otlp.endpoint" }}
{{- end }}
{{- if and .console.enabled (not .ledger.enabled) }}
{{- fail "console.enabled: shows what is stored: leave ledger.enabled on" }}
{{- end }}
{{- if and .ledger.persistence.enabled .ledger.urlSecret }}
{{- fail "ledger.persistence.enabled: is for SQLite, and ledger.urlSecret names a Postgres: leave one of them out" }}
{{- end }}
{{- if and (eq .certificates.mode "secret") (not .certificates.caBundle) }}
{{- fail "certificates.caBundle: mode secret needs the PEM of the CA that signed the certificate, or the API server trusts nobody" }}
{{- end }}
{{- if and .certificates.caBundle (ne .certificates.mode "secret") }}
{{- fail (printf "certificates.caBundle: is for mode secret only; in mode %s it is kept for you" .certificates.mode) }}
{{- end }}
{{- if and .clientCa.names (not .clientCa.bundle) }}
{{- fail "clientCa.names: means nothing without clientCa.bundle" }}
{{- end }}
{{- if and (include "podgate.paranoid" $) (not .clientCa.bundle) }}
{{- fail "clientCa.bundle: profile paranoid lets only the API server call: give the PEM of the CA of its client certificate (docs/install.md says how it gets one)" }}
{{- end }}
{{- if and (include "podgate.small" $) (gt (int (include "podgate.replicas" $)) 1) }}
{{- fail "webhook.replicas: profile small is one process: choose profile ha, or leave the replicas out" }}
{{- end }}
{{- if and (include "podgate.small" $) .webhook.autoscaling.enabled }}
{{- fail "webhook.autoscaling.enabled: profile small is one process: choose profile ha" }}
{{- end }}
{{- if gt (int .webhook.autoscaling.minReplicas) (int .webhook.autoscaling.maxReplicas) }}
{{- fail "webhook.autoscaling.minReplicas: is more than maxReplicas" }}
{{- end }}
{{- end }}
{{- end }}
