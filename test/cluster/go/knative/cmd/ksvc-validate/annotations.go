package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"knative.dev/serving/pkg/apis/autoscaling"
	"knative.dev/serving/pkg/apis/serving"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// keys are the annotations that Knative reads from the template of a Service.
var keys = slices.Concat(
	autoscaling.ActivationScale,
	autoscaling.ClassAnnotation,
	autoscaling.InitialScaleAnnotation,
	autoscaling.MaxScaleAnnotation,
	autoscaling.MetricAggregationAlgorithmAnnotation,
	autoscaling.MetricAnnotation,
	autoscaling.MinScaleAnnotation,
	autoscaling.PanicThresholdPercentageAnnotation,
	autoscaling.PanicWindowPercentageAnnotation,
	autoscaling.ScaleDownDelayAnnotation,
	autoscaling.ScaleToZeroPodRetentionPeriodAnnotation,
	autoscaling.TargetAnnotation,
	autoscaling.TargetBurstCapacityAnnotation,
	autoscaling.TargetUtilizationPercentageAnnotation,
	autoscaling.WindowAnnotation,
	serving.ProgressDeadlineAnnotation,
	serving.QueueSidecarCPUResourceLimitAnnotation,
	serving.QueueSidecarCPUResourceRequestAnnotation,
	serving.QueueSidecarEphemeralStorageResourceLimitAnnotation,
	serving.QueueSidecarEphemeralStorageResourceRequestAnnotation,
	serving.QueueSidecarMemoryResourceLimitAnnotation,
	serving.QueueSidecarMemoryResourceRequestAnnotation,
	serving.QueueSidecarResourcePercentageAnnotation,
	serving.RolloutDurationAnnotation,
)

// unknownAnnotations gives those in Knative's name that Knative would pass over without a word.
func unknownAnnotations(service *servingv1.Service) (unknown []string) {
	for key := range service.Spec.Template.Annotations {
		domain, _, _ := strings.Cut(key, "/")
		if strings.HasSuffix(domain, "knative.dev") && !slices.Contains(keys, key) {
			unknown = append(unknown, fmt.Sprintf("Knative reads no annotation %q", key))
		}
	}
	sort.Strings(unknown)
	return unknown
}
