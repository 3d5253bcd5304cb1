package main

import (
	"context"
	"math"
	"slices"
	"strconv"

	"antiphon/keda/internal/standin"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/types"
)

// Trigger is what one scaler says.
type Trigger struct {
	Name   string  `json:"name"`
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Active bool    `json:"active"`
	Error  string  `json:"error,omitempty"`
}

// Metric is what the HorizontalPodAutoscaler is given, of a trigger or of the formula over all of them, and the
// replicas that it wants for it.
type Metric struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Target float64 `json:"target"`
	Wanted int     `json:"wanted"`
	Error  string  `json:"error,omitempty"`
}

// Reading is one look at the triggers. Active: KEDA leaves zero, or stays above it. Wanted: replicas that follow, the
// largest wish of all metrics between the bounds, or the least allowed when nothing is active; null while a metric cannot
// be read, when KEDA leaves the number as it is.
type Reading struct {
	Triggers []Trigger `json:"triggers"`
	Metrics  []Metric  `json:"metrics"`
	Active   bool      `json:"active"`
	Wanted   *int      `json:"wanted"`
}

// read has new scalers each time, as the operator has after any failure: a scaler that failed once asks on as if it had
// found the leader of the consumer, and believes a follower.
func read(ctx context.Context, cluster *standin.Cluster, name types.NamespacedName, autoscaler *autoscalingv2.HorizontalPodAutoscaler) (*Reading, error) {
	scaled := &kedav1alpha1.ScaledObject{}
	if err := cluster.Client.Get(ctx, name, scaled); err != nil {
		return nil, err
	}
	reading := &Reading{Triggers: []Trigger{}, Metrics: []Metric{}}
	if err := reading.readTriggers(ctx, cluster, scaled); err != nil {
		return nil, err
	}
	for _, spec := range autoscaler.Spec.Metrics {
		if err := cluster.Handler.ClearScalersCache(ctx, scaled); err != nil {
			return nil, err
		}
		reading.Metrics = append(reading.Metrics, readMetric(ctx, cluster, name, spec))
	}
	reading.conclude(scaled, autoscaler)
	return reading, nil
}

func (r *Reading) readTriggers(ctx context.Context, cluster *standin.Cluster, scaled *kedav1alpha1.ScaledObject) error {
	if err := cluster.Handler.ClearScalersCache(ctx, scaled); err != nil {
		return err
	}
	scalers, err := cluster.Handler.GetScalersCache(ctx, scaled)
	if err != nil {
		return err
	}
	for index, trigger := range scaled.Spec.Triggers {
		specs, err := scalers.GetMetricSpecForScalingForScaler(ctx, index)
		if err != nil {
			return err
		}
		seen := Trigger{Name: trigger.Name, Metric: specs[0].External.Metric.Name}
		values, isActive, _, err := scalers.GetMetricsAndActivityForScaler(ctx, index, seen.Metric)
		if err != nil {
			seen.Error = err.Error()
		} else {
			seen.Value, seen.Active = values[0].Value.AsApproximateFloat64(), isActive
		}
		r.Triggers = append(r.Triggers, seen)
	}
	return nil
}

func readMetric(ctx context.Context, cluster *standin.Cluster, name types.NamespacedName, spec autoscalingv2.MetricSpec) Metric {
	seen := Metric{Name: spec.External.Metric.Name, Target: spec.External.Target.AverageValue.AsApproximateFloat64()}
	values, err := cluster.Handler.GetScaledObjectMetrics(ctx, name.Name, name.Namespace, seen.Name)
	if err != nil {
		seen.Error = err.Error()
		return seen
	}
	seen.Value = values.Items[0].Value.AsApproximateFloat64()
	seen.Wanted = int(math.Ceil(seen.Value / seen.Target))
	return seen
}

// conclude follows the operator: with a formula its value decides on activity, without one any trigger does, or any that
// has fallen back, which is one that failed and whose metric is served all the same.
func (r *Reading) conclude(scaled *kedav1alpha1.ScaledObject, autoscaler *autoscalingv2.HorizontalPodAutoscaler) {
	wanted, isKnown := int(*autoscaler.Spec.MinReplicas), true
	for _, metric := range r.Metrics {
		wanted = max(wanted, metric.Wanted)
		isKnown = isKnown && metric.Error == ""
		if scaled.IsUsingModifiers() {
			r.Active = r.Active || (metric.Error == "" && metric.Value > activationOf(scaled))
		}
	}
	for _, trigger := range r.Triggers {
		r.Active = r.Active || (!scaled.IsUsingModifiers() && (trigger.Active || r.hasFallenBack(trigger)))
	}
	wanted = min(wanted, int(autoscaler.Spec.MaxReplicas))
	if !r.Active {
		wanted = 0
		if least := scaled.Spec.MinReplicaCount; least != nil {
			wanted = int(*least)
		}
	}
	if isKnown {
		r.Wanted = &wanted
	}
}

func (r *Reading) hasFallenBack(trigger Trigger) bool {
	served := func(metric Metric) bool { return metric.Name == trigger.Metric && metric.Error == "" }
	return trigger.Error != "" && slices.ContainsFunc(r.Metrics, served)
}

func activationOf(scaled *kedav1alpha1.ScaledObject) float64 {
	target, err := strconv.ParseFloat(scaled.Spec.Advanced.ScalingModifiers.ActivationTarget, 64)
	if err != nil {
		return 0
	}
	return target
}
