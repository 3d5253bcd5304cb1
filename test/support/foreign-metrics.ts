/** A metric of others that our rules and dashboards read. */
export interface ForeignMetric {
  readonly name: string;
  /** Who exports it, and where its name stands. */
  readonly source: string;
}

const keda = 'KEDA 2.21 operator, pkg/metricscollector/prommetrics.go';
const kubeStateMetrics = 'kube-state-metrics 2.x, docs/metrics/workload';
const kubelet = 'kubelet, pkg/kubelet/metrics/collectors/volume_stats.go';
const prometheus = 'Prometheus itself';

/** Every one that may be named. One that is misspelt, or exported by nobody, would show as an empty panel and an alert that never fires. */
export const foreignMetrics: readonly ForeignMetric[] = [
  { name: 'keda_scaler_metrics_value', source: keda },
  { name: 'keda_scaler_metrics_latency_seconds', source: keda },
  { name: 'keda_scaler_active', source: keda },
  { name: 'keda_scaler_detail_errors_total', source: keda },
  { name: 'keda_scaled_object_paused', source: keda },
  { name: 'kube_horizontalpodautoscaler_status_desired_replicas', source: kubeStateMetrics },
  { name: 'kube_horizontalpodautoscaler_spec_max_replicas', source: kubeStateMetrics },
  { name: 'kube_deployment_status_replicas_ready', source: kubeStateMetrics },
  { name: 'kube_statefulset_replicas', source: kubeStateMetrics },
  { name: 'kube_statefulset_status_replicas_ready', source: kubeStateMetrics },
  { name: 'kubelet_volume_stats_available_bytes', source: kubelet },
  { name: 'kubelet_volume_stats_capacity_bytes', source: kubelet },
  { name: 'up', source: prometheus },
  { name: 'ALERTS', source: prometheus },
];
