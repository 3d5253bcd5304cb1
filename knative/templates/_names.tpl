{{/* Labels of every object. */}}
{{- define "antiphon.labels" -}}
app.kubernetes.io/part-of: antiphon
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Labels of a pod, by which policies and Services select it. */}}
{{- define "antiphon.podLabels" -}}
app.kubernetes.io/name: {{ . }}
app.kubernetes.io/component: {{ . }}
app.kubernetes.io/part-of: antiphon
{{- end }}

{{- define "antiphon.natsUrl" -}}
{{- .Values.global.nats.url | default (printf "nats://nats.%s.svc.%s:4222" .Release.Namespace .Values.global.clusterDomain) -}}
{{- end }}

{{/* An image: `image`, a repository with tag or digest; `registry`; `tag`, if the image has none. */}}
{{- define "antiphon.image" -}}
{{- $repository := .image.repository -}}
{{- with .registry }}{{ $repository = printf "%s/%s" (trimSuffix "/" .) $repository }}{{ end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (.image.tag | default .tag) -}}
{{- end -}}
{{- end }}

{{- define "antiphon.tag" -}}
{{- .Values.global.images.tag | default .Chart.AppVersion -}}
{{- end }}

{{- define "antiphon.containerSecurity" -}}
runAsNonRoot: true
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "antiphon.pullSecrets" -}}
{{- with .Values.global.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Probes of an app behind Knative: `port` is the port of the app, so that probes reach the app itself. `startSeconds` is its longest start. */}}
{{- define "antiphon.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: {{ .port }} }
  periodSeconds: 1
  failureThreshold: {{ .startSeconds }}
readinessProbe:
  httpGet: { path: /readyz, port: {{ .port }} }
  periodSeconds: 5
  timeoutSeconds: 2
livenessProbe:
  httpGet: { path: /healthz, port: {{ .port }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* Environment of every app behind Knative. */}}
{{- define "antiphon.commonEnv" -}}
- { name: NATS_URL, value: {{ include "antiphon.natsUrl" . | quote }} }
- { name: JETSTREAM_REPLICAS, value: {{ .Values.global.nats.streamReplicas | quote }} }
- { name: LOG_LEVEL, value: {{ .Values.global.logLevel }} }
{{- with .Values.global.tracing }}
{{- if .collectorUrl }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ .collectorUrl | quote }} }
- { name: OTEL_TRACES_SAMPLER_ARG, value: {{ .share | quote }} }
{{- end }}
{{- end }}
{{- end }}

{{- define "antiphon.extraEnv" -}}
{{- range $variable, $value := . }}
- { name: {{ $variable }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}
