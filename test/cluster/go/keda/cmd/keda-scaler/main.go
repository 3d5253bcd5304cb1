// keda-scaler reads the triggers of a ScaledObject with KEDA's own scalers, once or several times, and says how many
// replicas follow.
//
//	keda-scaler -name SCALEDOBJECT [-endpoint HOST:PORT] [-replicas N] [-reads N] MANIFESTS...
//
// The manifests must hold the Deployment that is scaled too. The endpoint takes the place of the one in the triggers by
// way of a TriggerAuthentication, which KEDA prefers: the triggers stay as they are. Prints a JSON list, one reading for
// each read; several reads without a pause show what KEDA makes of repeated failures.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"antiphon/keda/internal/manifests"
	"antiphon/keda/internal/standin"

	"github.com/go-logr/logr"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	override     = "endpoint-override"
	endpointName = "natsServerMonitoringEndpoint"
)

type options struct {
	name, endpoint string
	replicas       int
	reads          int
	files          []string
}

func main() {
	var given options
	flag.StringVar(&given.name, "name", "", "name of the ScaledObject")
	flag.StringVar(&given.endpoint, "endpoint", "", "HOST:PORT of NATS's monitoring, in place of the one in the triggers")
	flag.IntVar(&given.replicas, "replicas", 0, "replicas that the Deployment has")
	flag.IntVar(&given.reads, "reads", 1, "how many times to read")
	flag.Parse()
	given.files = flag.Args()
	ctrl.SetLogger(logr.Discard())
	readings, err := run(context.Background(), given)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(readings)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, given options) ([]Reading, error) {
	objects, err := manifests.Read(given.files)
	if err != nil {
		return nil, err
	}
	scaled, others, err := choose(objects, given)
	if err != nil {
		return nil, err
	}
	cluster, err := standin.New(others...)
	if err != nil {
		return nil, err
	}
	if _, err := cluster.Admit(ctx, scaled); err != nil {
		return nil, err
	}
	name := types.NamespacedName{Namespace: scaled.Namespace, Name: scaled.Name}
	autoscaler, err := cluster.Reconcile(ctx, name)
	if err != nil {
		return nil, err
	}
	var readings []Reading
	for range given.reads {
		reading, err := read(ctx, cluster, name, autoscaler)
		if err != nil {
			return nil, err
		}
		readings = append(readings, *reading)
	}
	return readings, nil
}

// choose finds the ScaledObject, and what KEDA must be able to read beside it.
func choose(objects []unstructured.Unstructured, given options) (*kedav1alpha1.ScaledObject, []client.Object, error) {
	var scaled *kedav1alpha1.ScaledObject
	var others []client.Object
	for _, object := range objects {
		switch {
		case object.GetKind() == "ScaledObject" && object.GetName() == given.name:
			scaled = &kedav1alpha1.ScaledObject{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, scaled); err != nil {
				return nil, nil, err
			}
		case object.GetKind() == "Deployment":
			deployment := &appsv1.Deployment{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, deployment); err != nil {
				return nil, nil, err
			}
			replicas := int32(given.replicas)
			deployment.Spec.Replicas = &replicas
			others = append(others, deployment)
		}
	}
	if scaled == nil {
		return nil, nil, fmt.Errorf("there is no ScaledObject %q among the manifests", given.name)
	}
	if given.endpoint != "" {
		others = append(others, authentication(scaled.Namespace, given.endpoint)...)
		for index, trigger := range scaled.Spec.Triggers {
			if trigger.Type == "nats-jetstream" {
				scaled.Spec.Triggers[index].AuthenticationRef = &kedav1alpha1.AuthenticationRef{Name: override}
			}
		}
	}
	return scaled, others, nil
}

func authentication(namespace, endpoint string) []client.Object {
	at := metav1.ObjectMeta{Namespace: namespace, Name: override}
	target := kedav1alpha1.AuthTargetRef{Parameter: endpointName, Name: override, Key: endpointName}
	return []client.Object{
		&corev1.ConfigMap{ObjectMeta: at, Data: map[string]string{endpointName: endpoint}},
		&kedav1alpha1.TriggerAuthentication{
			ObjectMeta: at,
			Spec: kedav1alpha1.TriggerAuthenticationSpec{
				ConfigMapTargetRef: []kedav1alpha1.AuthConfigMapTargetRef{kedav1alpha1.AuthConfigMapTargetRef(target)},
			},
		},
	}
}
