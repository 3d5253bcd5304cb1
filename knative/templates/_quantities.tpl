{{/* The number that a Kubernetes quantity stands for, in thousandths at the finest: 1.5Gi, 500m or a number. */}}
{{- define "antiphon.quantity" -}}
{{- $text := toString . -}}
{{- $factors := dict "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $number := regexFind `^[0-9.]+(e\+?[0-9]+)?` $text | float64 -}}
{{- $factor := get $factors (regexFind `[A-Za-z]+$` $text) | default 1 -}}
{{- printf "%.3f" (mulf $number (float64 $factor)) -}}
{{- end }}

{{/* Whole bytes of a Kubernetes quantity, without an exponent. */}}
{{- define "antiphon.bytes" -}}
{{- printf "%.0f" (include "antiphon.quantity" . | float64) -}}
{{- end }}

{{/* Seconds of a duration: 90s, 20m or 1h. */}}
{{- define "antiphon.seconds" -}}
{{- $factors := dict "s" 1 "m" 60 "h" 3600 -}}
{{- mul (regexFind `^[0-9]+` . | int) (get $factors (regexFind `[smh]$` .)) -}}
{{- end }}

{{/* Whole seconds of a time in milliseconds, rounded up. */}}
{{- define "antiphon.secondsOfMs" -}}
{{- div (add (int .) 999) 1000 -}}
{{- end }}

{{/* Refuses a request of `resources` above its limit. `path` names them. */}}
{{- define "antiphon.refuseAboveLimit" -}}
{{- range $resource, $request := .resources.requests -}}
{{- $limit := dig "limits" $resource nil $.resources -}}
{{- if and (not (kindIs "invalid" $limit)) (gt (include "antiphon.quantity" $request | float64) (include "antiphon.quantity" $limit | float64)) -}}
{{- fail (printf "%s.requests.%s is %v, which is more than %s.limits.%s, %v: lower the request or raise the limit" $.path $resource $request $.path $resource $limit) -}}
{{- end -}}
{{- end -}}
{{- end }}
