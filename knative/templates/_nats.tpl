{{/* Configuration of the NATS servers. The name of a server is that of its pod. */}}
{{- define "antiphon.natsConfig" -}}
{{- $nats := .Values.nats -}}
server_name: $POD_NAME
port: 4222
http_port: 8222
pid_file: /tmp/nats.pid
lame_duck_grace_period: 5s
lame_duck_duration: 30s
jetstream {
  store_dir: /data
  max_memory_store: {{ include "antiphon.natsBytes" $nats.jetstream.memory }}
  max_file_store: {{ include "antiphon.natsBytes" $nats.jetstream.disk }}
}
{{- if gt (int $nats.replicas) 1 }}
cluster {
  name: antiphon
  port: 6222
  # Clients and KEDA address the servers by name, so the addresses of pods are not advertised.
  no_advertise: true
  routes: [
    {{- range $index := until (int $nats.replicas) }}
    nats://nats-{{ $index }}.nats-headless.{{ $.Release.Namespace }}.svc.{{ $.Values.global.clusterDomain }}:6222
    {{- end }}
  ]
}
{{- end }}
{{- end }}

{{/* A quantity in the form of NATS: 1GiB for 1Gi. */}}
{{- define "antiphon.natsBytes" -}}
{{- printf "%sB" . -}}
{{- end }}
