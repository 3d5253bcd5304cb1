{{/* The dispatch of each kind, KIND=DISPATCH with commas; lanes of a kind must agree. */}}
{{- define "antiphon.dispatch" -}}
{{- $kinds := dict -}}
{{- range $key, $lane := .Values.global.lanes -}}
{{- if dig "enabled" true $lane -}}
{{- if ne (index $kinds $lane.kind | default $lane.dispatch) $lane.dispatch -}}
{{- fail (printf "lanes of kind %s differ in dispatch: the gateway offers all jobs of a kind in one way" $lane.kind) -}}
{{- end -}}
{{- if and (eq $lane.dispatch "queue") (not $.Values.workers.enabled) -}}
{{- fail (printf "lane %s has dispatch queue, but workers.enabled is false: nobody would take its jobs; set global.lanes.%s.dispatch to request" $key $key) -}}
{{- end -}}
{{- $_ := set $kinds $lane.kind $lane.dispatch -}}
{{- end -}}
{{- end -}}
{{- $parts := list -}}
{{- range $kind, $dispatch := $kinds }}{{ $parts = append $parts (printf "%s=%s" $kind $dispatch) }}{{ end -}}
{{- join "," $parts -}}
{{- end }}

{{/*
The lanes of the inference service, as JSON: those with dispatch `request`; all, where there are none.
*/}}
{{- define "antiphon.inferenceLanes" -}}
{{- $all := list -}}
{{- $request := list -}}
{{- range $key, $lane := .Values.global.lanes -}}
{{- if dig "enabled" true $lane -}}
{{- $all = append $all $lane -}}
{{- if eq $lane.dispatch "request" }}{{ $request = append $request $lane }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $request | default $all | toJson -}}
{{- end }}
