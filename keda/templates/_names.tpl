{{/* Labels of every object. */}}
{{- define "antiphon-workers.labels" -}}
app.kubernetes.io/part-of: antiphon
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Name of a lane's worker. Fails if the name of KEDA's HPA would be too long. */}}
{{- define "antiphon-workers.name" -}}
{{- $name := printf "worker-%s-%s" .kind .model -}}
{{- if gt (len (printf "keda-hpa-%s" $name)) 63 -}}
{{- fail (printf "lane %s.%s: keda-hpa-%s is longer than 63 characters; give the model a shorter id" .kind .model $name) -}}
{{- end -}}
{{- $name -}}
{{- end }}

{{/* Lag for each worker: its seats times the headroom. */}}
{{- define "antiphon-workers.threshold" -}}
{{- max 1 (int (floor (mulf (float64 .seats) (float64 .headroom)))) -}}
{{- end }}

{{/* Drain time of a lane's jobs after SIGTERM, in seconds. */}}
{{- define "antiphon-workers.drainSeconds" -}}
{{- min (int .lane.longestRunSeconds) (int .Values.drainSeconds) -}}
{{- end }}

{{/* Whether a lane has workers: it has queue dispatch and is enabled. */}}
{{- define "antiphon-workers.isPulled" -}}
{{- if and (eq .dispatch "queue") (dig "enabled" true .) -}}true{{- end -}}
{{- end }}

{{/* Whether a lane's workers have a GPU. */}}
{{- define "antiphon-workers.onGpu" -}}
{{- if and .lane.gpu .Values.gpu.enabled -}}true{{- end -}}
{{- end }}

{{/* The image of a worker, with CUDA or models if the values select them. */}}
{{- define "antiphon-workers.image" -}}
{{- $images := .Values.global.images -}}
{{- $image := .onGpu | ternary $images.inferenceGpu $images.inference -}}
{{- $repository := $image.repository -}}
{{- with $images.registry }}{{ $repository = printf "%s/%s" (trimSuffix "/" .) $repository }}{{ end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- $gpu := .onGpu | ternary $images.gpuSuffix "" -}}
{{- $models := eq .Values.global.models.source "image" | ternary $images.modelsSuffix "" -}}
{{- printf "%s:%s" $repository ($image.tag | default (printf "%s%s%s" ($images.tag | default .Chart.AppVersion) $gpu $models)) -}}
{{- end -}}
{{- end }}

{{- define "antiphon-workers.natsUrl" -}}
{{- .Values.global.nats.url | default (printf "nats://nats.%s.svc.%s:4222" .Release.Namespace .Values.global.clusterDomain) -}}
{{- end }}

{{/* The address at which KEDA reads the lag: the headless Service, so that KEDA finds the leader of each consumer. */}}
{{- define "antiphon-workers.monitoringEndpoint" -}}
{{- $nats := .Values.global.nats -}}
{{- if $nats.url -}}
{{- required "global.nats.url names an existing NATS: KEDA also needs global.nats.monitoringEndpoint, HOST:PORT" $nats.monitoringEndpoint -}}
{{- else -}}
{{- printf "nats-headless.%s.svc.%s:8222" .Release.Namespace .Values.global.clusterDomain -}}
{{- end -}}
{{- end }}

{{- define "antiphon-workers.containerSecurity" -}}
runAsNonRoot: true
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
seccompProfile: { type: RuntimeDefault }
{{- end }}
