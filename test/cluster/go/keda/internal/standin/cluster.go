// Package standin runs KEDA's own webhook, operator and scale handler against objects that are held in memory.
package standin

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	eventingv1alpha1 "github.com/kedacore/keda/v2/apis/eventing/v1alpha1"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	kedacontrollers "github.com/kedacore/keda/v2/controllers/keda"
	"github.com/kedacore/keda/v2/pkg/eventemitter"
	"github.com/kedacore/keda/v2/pkg/scalers/authentication"
	"github.com/kedacore/keda/v2/pkg/scaling"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	corev1listers "k8s.io/client-go/listers/core/v1"
	scalefake "k8s.io/client-go/scale/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// What the operator waits for a source of metrics, by default.
const httpTimeout = 3 * time.Second

// Cluster is KEDA without an API server.
type Cluster struct {
	Client   client.Client
	Handler  scaling.ScaleHandler
	operator *kedacontrollers.ScaledObjectReconciler
}

// New holds the objects, of which only those matter that KEDA reads: what is scaled, and what authenticates.
func New(objects ...client.Object) (*Cluster, error) {
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, kedav1alpha1.AddToScheme} {
		if err := add(known); err != nil {
			return nil, err
		}
	}
	builder := fake.NewClientBuilder().WithScheme(known).WithStatusSubresource(&kedav1alpha1.ScaledObject{}).WithObjects(objects...)
	manager := &quietManager{builder: builder, mapper: kinds(), scheme: known, server: webhook.NewServer(webhook.Options{})}
	if err := (&kedav1alpha1.ScaledObject{}).SetupWebhookWithManager(manager, false); err != nil {
		return nil, err
	}
	recorder := events.NewFakeRecorder(1000)
	secrets := corev1listers.NewSecretLister(cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{}))
	scales := &scalefake.FakeScaleClient{}
	scales.AddReactor("get", "*", scaleOf(manager.GetClient()))
	handler := scaling.NewScaleHandler(manager.GetClient(), scales, known, httpTimeout, httpTimeout, recorder,
		&authentication.AuthClientSet{SecretLister: secrets})
	operator := &kedacontrollers.ScaledObjectReconciler{
		Client: manager.GetClient(), Scheme: known, ScaleClient: scales, ScaleHandler: withoutLoop{handler}, EventEmitter: noEvents{},
	}
	if err := operator.SetupWithManager(manager, controller.Options{}); err != nil {
		return nil, err
	}
	return &Cluster{Client: manager.GetClient(), Handler: handler, operator: operator}, nil
}

// Admit asks the webhook, and keeps the object if it has nothing against it.
func (c *Cluster) Admit(ctx context.Context, object *kedav1alpha1.ScaledObject) (warnings []string, err error) {
	dryRun := false
	if warnings, err = object.ValidateCreate(&dryRun); err != nil {
		return warnings, err
	}
	// Given by the API server; what the operator makes names its owner by it.
	object.UID = types.UID("00000000-0000-0000-0000-000000000000")
	return warnings, c.Client.Create(ctx, object)
}

// Reconcile lets the operator look at an admitted object once; gives the HorizontalPodAutoscaler that it made. An
// operator that refuses gives the message of its condition Ready as error.
func (c *Cluster) Reconcile(ctx context.Context, name types.NamespacedName) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	quiet := ctrl.LoggerInto(ctx, logr.Discard())
	if _, err := c.operator.Reconcile(quiet, ctrl.Request{NamespacedName: name}); err != nil {
		return nil, err
	}
	object := &kedav1alpha1.ScaledObject{}
	if err := c.Client.Get(ctx, name, object); err != nil {
		return nil, err
	}
	if ready := object.Status.Conditions.GetReadyCondition(); !ready.IsTrue() {
		return nil, fmt.Errorf("not ready: %s", ready.Message)
	}
	autoscaler := &autoscalingv2.HorizontalPodAutoscaler{}
	err := c.Client.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: object.Status.HpaName}, autoscaler)
	autoscaler.SetGroupVersionKind(autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"))
	return autoscaler, err
}

// kinds are what a ScaledObject may name, among them Knative's, which have no scale.
func kinds() meta.RESTMapper {
	knative := schema.GroupVersion{Group: "serving.knative.dev", Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{
		appsv1.SchemeGroupVersion, autoscalingv2.SchemeGroupVersion, kedav1alpha1.SchemeGroupVersion, knative,
	})
	for _, kind := range []schema.GroupVersionKind{
		appsv1.SchemeGroupVersion.WithKind("Deployment"),
		appsv1.SchemeGroupVersion.WithKind("StatefulSet"),
		kedav1alpha1.SchemeGroupVersion.WithKind("ScaledObject"),
		autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"),
		knative.WithKind("Service"), knative.WithKind("Revision"),
	} {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	return mapper
}

// scaleOf answers for Deployments that are there; as the API server it knows no scale of anything else.
func scaleOf(objects client.Client) clienttesting.ReactionFunc {
	return func(action clienttesting.Action) (bool, runtime.Object, error) {
		wanted, resource := action.(clienttesting.GetAction), action.GetResource()
		if resource.Resource != "deployments" {
			return true, nil, apierrors.NewNotFound(resource.GroupResource(), wanted.GetName())
		}
		deployment := &appsv1.Deployment{}
		name := types.NamespacedName{Namespace: action.GetNamespace(), Name: wanted.GetName()}
		if err := objects.Get(context.Background(), name, deployment); err != nil {
			return true, nil, err
		}
		replicas := int32(1)
		if deployment.Spec.Replicas != nil {
			replicas = *deployment.Spec.Replicas
		}
		return true, &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}, nil
	}
}

// withoutLoop keeps the operator from polling in the background: who reads here says when.
type withoutLoop struct{ scaling.ScaleHandler }

func (withoutLoop) HandleScalableObject(context.Context, kedav1alpha1.ScalableObject) error {
	return nil
}

// noEvents stands for the sinks of KEDA's cloud events.
type noEvents struct{ eventemitter.EventHandler }

func (noEvents) Emit(runtime.Object, string, string, eventingv1alpha1.CloudEventType, string, string) {
}
