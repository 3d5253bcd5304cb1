// scaledobject-validate says of every ScaledObject among Kubernetes manifests what KEDA would have against it, and shows
// the HorizontalPodAutoscaler that KEDA would make of it. The schema of the object is not its matter.
//
//	scaledobject-validate -triggers FILE MANIFESTS...      ("-" is the standard input)
//
// Prints a JSON list of verdicts, in the order of the objects, and ends with 0 whatever they are: an object that was
// admitted is there when the next is judged, as in a cluster.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"antiphon/keda/internal/manifests"
	"antiphon/keda/internal/standin"
	"antiphon/keda/internal/triggers"

	"github.com/go-logr/logr"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Fault is one thing against an object, and who has it: the decoder, the schema of the triggers, the webhook, or the
// operator once the object is there.
type Fault struct {
	Stage   string `json:"stage"`
	Message string `json:"message"`
}

// Verdict is about one object.
type Verdict struct {
	Name       string                                 `json:"name"`
	Faults     []Fault                                `json:"faults"`
	Warnings   []string                               `json:"warnings"`
	Autoscaler *autoscalingv2.HorizontalPodAutoscaler `json:"autoscaler,omitempty"`
}

type checker struct {
	schema  triggers.Schema
	cluster *standin.Cluster
}

func main() {
	schema := flag.String("triggers", "", "file with the schema of KEDA's triggers")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	verdicts, err := run(*schema, flag.Args())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(verdicts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(schema string, files []string) ([]Verdict, error) {
	objects, err := manifests.Read(files)
	if err != nil {
		return nil, err
	}
	var check checker
	if check.schema, err = triggers.Load(schema); err != nil {
		return nil, err
	}
	targets, err := deploymentsOf(objects)
	if err != nil {
		return nil, err
	}
	if check.cluster, err = standin.New(targets...); err != nil {
		return nil, err
	}
	verdicts := []Verdict{}
	for _, object := range objects {
		if object.GetKind() == "ScaledObject" {
			verdicts = append(verdicts, check.verdict(object.Object))
		}
	}
	return verdicts, nil
}

func deploymentsOf(objects []unstructured.Unstructured) (found []client.Object, err error) {
	for _, object := range objects {
		if object.GetKind() != "Deployment" {
			continue
		}
		deployment := &appsv1.Deployment{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, deployment); err != nil {
			return nil, err
		}
		found = append(found, deployment)
	}
	return found, nil
}

func (c *checker) verdict(content map[string]any) Verdict {
	verdict := Verdict{Faults: []Fault{}, Warnings: []string{}}
	verdict.Name = (&unstructured.Unstructured{Object: content}).GetName()
	add := func(stage string, messages ...string) {
		for _, message := range messages {
			verdict.Faults = append(verdict.Faults, Fault{stage, message})
		}
	}
	object := &kedav1alpha1.ScaledObject{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, object); err != nil {
		add("decoder", err.Error())
		return verdict
	}
	for _, trigger := range object.Spec.Triggers {
		add("triggers", c.schema.Check(trigger.Type, trigger.Metadata)...)
	}
	ctx := context.Background()
	warnings, err := c.cluster.Admit(ctx, object)
	verdict.Warnings = append(verdict.Warnings, warnings...)
	if err != nil {
		add("webhook", err.Error())
		return verdict
	}
	name := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	if verdict.Autoscaler, err = c.cluster.Reconcile(ctx, name); err != nil {
		add("operator", err.Error())
	}
	return verdict
}
