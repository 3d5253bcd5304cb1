{{/* Whether an address or a range is inside the private ranges: `true`, or nothing. */}}
{{- define "antiphon.isPrivate" -}}
{{- $bits := regexFind `[0-9]+$` (regexFind `/[0-9]+$` .) | default "128" | int -}}
{{- if or
  (and (regexMatch `^10\.` .) (ge $bits 8))
  (and (regexMatch `^127\.` .) (ge $bits 8))
  (has . (list "0.0.0.0" "::" "::1"))
  (and (regexMatch `^172\.(1[6-9]|2[0-9]|3[01])\.` .) (ge $bits 12))
  (and (regexMatch `^192\.168\.` .) (ge $bits 16))
  (and (regexMatch `^169\.254\.169\.254(/|$)` .) (ge $bits 32))
  (and (regexMatch `^[fF][cdCD][0-9a-fA-F]{2}:` .) (ge $bits 7))
-}}true{{- end -}}
{{- end }}

{{/* Whether a host belongs to the cluster, a private range or `domains`: `true`, or nothing. NAME and NAME.NAMESPACE.svc are Services. */}}
{{- define "antiphon.isInside" -}}
{{- $host := .host -}}
{{- if or (regexMatch `^(0x[0-9a-f.]*|[0-9.]+)$` $host) (contains ":" $host) -}}
{{- include "antiphon.isPrivate" $host -}}
{{- else if or (not (contains "." $host)) (hasSuffix ".svc" $host) -}}
true
{{- else -}}
{{- range .domains -}}
{{- if or (eq $host .) (hasSuffix (printf ".%s" .) $host) -}}true{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The hosts in a text, as JSON: of URLs, HOST:PORT, IP addresses and, if the text `isAddress`, names alone. */}}
{{- define "antiphon.hosts" -}}
{{- $hosts := list -}}
{{- range regexFindAll `://[^/?#\\\s,;"'<>|]+` .text -1 -}}
{{- $hosts = append $hosts (regexReplaceAll `^(?:.*@)?(?:\[(.*)\]|([^:]*))(?::[0-9]*)?$` (trimPrefix "://" .) "${1}${2}") -}}
{{- end -}}
{{- range regexFindAll `\[[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*\]` .text -1 -}}
{{- $hosts = append $hosts (trimAll "[]" .) -}}
{{- end -}}
{{- $name := `[A-Za-z0-9_.-]+\.(?:[A-Za-z]{2,}|xn--[A-Za-z0-9-]+)\.?` -}}
{{- if .isAddress -}}
{{- range regexSplit `[\s,;]+` .text -1 -}}
{{- $bare := printf `^(?:[^/@]*@)?(%s)(?::[0-9]+)?(?:/.*)?$` $name -}}
{{- if regexMatch $bare . }}{{ $hosts = append $hosts (regexReplaceAll $bare . "${1}") }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range regexSplit `[^A-Za-z0-9_.:-]+` .text -1 -}}
{{- if regexMatch (printf `^%s:[0-9]+$` $name) . -}}
{{- $hosts = append $hosts (regexReplaceAll `:[0-9]+$` . "") -}}
{{- else if regexMatch `^[0-9]+(\.[0-9]+){3}(:[0-9]+)?$` . -}}
{{- $hosts = append $hosts (regexReplaceAll `:[0-9]+$` . "") -}}
{{- else if regexMatch `^[0-9a-fA-F:]*::[0-9a-fA-F:]*$` . -}}
{{- $hosts = append $hosts . -}}
{{- end -}}
{{- end -}}
{{- $hosts | toJson -}}
{{- end }}

{{/* Refuses a text that names a host outside. `path` names the value. */}}
{{- define "antiphon.refuseOutside" -}}
{{- $domains := append .Values.networkPolicy.internalDomains .Values.global.clusterDomain -}}
{{- $isAddress := regexMatch `(?i)(url|uri|host|hostname|server|broker|address|addr|endpoint|domain|(\.|[^o]_)prox(y|ie))s?$` .path -}}
{{- range include "antiphon.hosts" (dict "text" .text "isAddress" $isAddress) | fromJsonArray -}}
{{- $host := lower . | trimSuffix "." -}}
{{- if not (include "antiphon.isInside" (dict "host" $host "domains" $domains)) -}}
{{- fail (printf "%s names %s, which is outside the cluster, and networkPolicy.denyExternalEgress blocks it: empty it, write a Service as NAME.NAMESPACE.svc, or list the domain in networkPolicy.internalDomains if it belongs to your own network" $.path $host) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Refuses every text in a tree of values that names a host outside. Left out is what no pod of this project dials: images, which the node
pulls; the public name, which clients dial; the content of the licence; what selects nodes; annotations and labels; and the addresses of
policies, which have checks of their own. `workers.global` repeats `global`. The license app dials its proxy, if it has one, and not the
licence endpoint.
*/}}
{{- define "antiphon.refuseAllOutside" -}}
{{- $isLeftOut := regexMatch `^(global\.images|nats\.image|global\.models\.fetch\.image|ingress|license\.files|workers\.global|networkPolicy|global\.networkPolicy|global\.nats\.peers)$|\.(podAnnotations|annotations|labels|nodeSelector|tolerations|affinity)$` .path -}}
{{- $isBehindProxy := and (eq .path "license.endpoint") (eq .Values.license.mode "connected") .Values.license.httpsProxy -}}
{{- if or $isLeftOut $isBehindProxy -}}
{{- else if kindIs "map" .tree -}}
{{- range $key, $value := .tree -}}
{{- include "antiphon.refuseAllOutside" (dict "path" (printf "%s.%s" $.path $key | trimPrefix ".") "tree" $value "Values" $.Values) -}}
{{- end -}}
{{- else if kindIs "slice" .tree -}}
{{- range $index, $value := .tree -}}
{{- include "antiphon.refuseAllOutside" (dict "path" (printf "%s[%d]" $.path $index) "tree" $value "Values" $.Values) -}}
{{- end -}}
{{- else if kindIs "string" .tree -}}
{{- include "antiphon.refuseOutside" (dict "path" .path "text" .tree "Values" .Values) -}}
{{- end -}}
{{- end }}
