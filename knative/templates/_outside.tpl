{{/* Whether an address or a range is inside the private ranges: `true`, or nothing. */}}
{{- define "antiphon.isPrivate" -}}
{{- $bits := regexFind `[0-9]+$` (regexFind `/[0-9]+$` .) | default "128" | int -}}
{{- if or
  (and (regexMatch `^10\.` .) (ge $bits 8))
  (and (regexMatch `^127\.` .) (ge $bits 8))
  (and (regexMatch `^172\.(1[6-9]|2[0-9]|3[01])\.` .) (ge $bits 12))
  (and (regexMatch `^192\.168\.` .) (ge $bits 16))
  (and (regexMatch `^169\.254\.169\.254(/|$)` .) (ge $bits 32))
  (and (regexMatch `^[fF][cdCD][0-9a-fA-F]{2}:` .) (ge $bits 7))
-}}true{{- end -}}
{{- end }}

{{/* Whether a host belongs to the cluster, a private range or `domains`: `true`, or nothing. NAME and NAME.NAMESPACE are Services. */}}
{{- define "antiphon.isInside" -}}
{{- $host := .host -}}
{{- if or (regexMatch `^[0-9.]+$` $host) (contains ":" $host) -}}
{{- include "antiphon.isPrivate" $host -}}
{{- else if or (le (len (splitList "." $host)) 2) (hasSuffix ".svc" $host) -}}
true
{{- else -}}
{{- range .domains -}}
{{- if or (eq $host .) (hasSuffix (printf ".%s" .) $host) -}}true{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Refuses a URL whose host is outside; several URLs are separated by commas. `path` names the value. */}}
{{- define "antiphon.refuseOutside" -}}
{{- $domains := append .Values.networkPolicy.internalDomains .Values.global.clusterDomain -}}
{{- range $url := splitList "," (toString .url) -}}
{{- if regexMatch `^[a-z][a-z0-9+.-]*://` $url -}}
{{- $host := regexReplaceAll `^[a-z0-9+.-]+://([^/@]*@)?(\[([^]]*)\]|([^:/?#]*)).*$` $url "${3}${4}" -}}
{{- if not (include "antiphon.isInside" (dict "host" $host "domains" $domains)) -}}
{{- fail (printf "%s names %s, which is outside the cluster, and networkPolicy.denyExternalEgress blocks it: empty it, or list the domain in networkPolicy.internalDomains if it belongs to your own network" $.path $host) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
