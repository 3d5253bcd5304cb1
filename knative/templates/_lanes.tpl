{{/* The lanes in use, as JSON, each with its key in the values. Without workers all jobs are dispatched by request. */}}
{{- define "antiphon.lanes" -}}
{{- $lanes := list -}}
{{- range $key, $lane := .Values.global.lanes -}}
{{- if dig "enabled" true $lane -}}
{{- $dispatch := $.Values.workers.enabled | ternary $lane.dispatch "request" -}}
{{- $lanes = append $lanes (merge (dict "dispatch" $dispatch "key" $key) $lane) -}}
{{- end -}}
{{- end -}}
{{- if not $lanes -}}
{{- fail "every lane of global.lanes has enabled: false, so no lane would be served: enable one" -}}
{{- end -}}
{{- $lanes | toJson -}}
{{- end }}

{{/* The dispatch of each kind, KIND=DISPATCH, separated by commas. The lanes of a kind must have the same dispatch. */}}
{{- define "antiphon.dispatch" -}}
{{- $kinds := dict -}}
{{- range $lane := include "antiphon.lanes" . | fromJsonArray -}}
{{- if ne (index $kinds $lane.kind | default $lane.dispatch) $lane.dispatch -}}
{{- fail (printf "lanes of kind %s differ in dispatch: set the same dispatch for all lanes of a kind" $lane.kind) -}}
{{- end -}}
{{- $_ := set $kinds $lane.kind $lane.dispatch -}}
{{- end -}}
{{- $parts := list -}}
{{- range $kind, $dispatch := $kinds }}{{ $parts = append $parts (printf "%s=%s" $kind $dispatch) }}{{ end -}}
{{- join "," $parts -}}
{{- end }}

{{/* The lanes of the inference service, as JSON: those with dispatch `request`, or all if there are none. */}}
{{- define "antiphon.inferenceLanes" -}}
{{- $all := include "antiphon.lanes" . | fromJsonArray -}}
{{- $request := list -}}
{{- range $all }}{{ if eq .dispatch "request" }}{{ $request = append $request . }}{{ end }}{{ end -}}
{{- $request | default $all | toJson -}}
{{- end }}

{{/* Most pods of the inference service: the largest maxReplicas of its lanes, unless it is set. */}}
{{- define "antiphon.inferenceMaxScale" -}}
{{- $maxScale := 1 -}}
{{- range include "antiphon.inferenceLanes" . | fromJsonArray }}{{ $maxScale = max $maxScale (int .maxReplicas) }}{{ end -}}
{{- .Values.inference.maxScale | default $maxScale -}}
{{- end }}

{{/* Longest life of a request, in seconds: the longest wait and the longest run of a job of these lanes. At least 90, since a pod has this time to drain. */}}
{{- define "antiphon.longestRequestSeconds" -}}
{{- $seconds := 90 -}}
{{- $waitSeconds := include "antiphon.secondsOfMs" .Values.gateway.waitBudgetMs | int -}}
{{- range .lanes }}{{ $seconds = max $seconds (int .requestSeconds) (add (int .longestRunSeconds) $waitSeconds) }}{{ end -}}
{{- $seconds -}}
{{- end }}

{{/* Longest life of a socket at the gateway: long enough for the longest job, unless it is set. */}}
{{- define "antiphon.gatewaySeconds" -}}
{{- $lanes := include "antiphon.lanes" . | fromJsonArray -}}
{{- .Values.gateway.timeoutSeconds | default (include "antiphon.longestRequestSeconds" (dict "lanes" $lanes "Values" .Values)) -}}
{{- end }}
