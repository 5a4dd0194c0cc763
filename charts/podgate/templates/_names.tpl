{{/* Names and labels. Objects are named after the release, so that two of them can live side by side. */}}

{{- define "podgate.fullname" -}}
{{- if contains "podgate" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}{{ printf "%s-podgate" (.Release.Name | trunc 32 | trimSuffix "-") }}
{{- end }}
{{- end }}

{{- define "podgate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "podgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* What selectors say can never change, so it names no version and no setting. */}}
{{- define "podgate.selector" -}}
app.kubernetes.io/name: podgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "podgate.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "podgate.certificateSecret" -}}
{{ .Values.certificates.secretName | default (printf "%s-tls" (include "podgate.fullname" .)) }}
{{- end }}
