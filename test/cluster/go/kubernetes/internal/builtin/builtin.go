// Package builtin checks objects of Kubernetes' own kinds by the code that the API server runs before it creates them.
package builtin

import (
	"context"
	"encoding/json"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/ingress"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
)

// strategies are what the API server asks about a new object of a kind.
var strategies = map[schema.GroupKind]rest.RESTCreateStrategy{
	{Kind: "ConfigMap"}:                                     configmap.Strategy,
	{Kind: "Secret"}:                                        secret.Strategy,
	{Kind: "Service"}:                                       service.Strategy,
	{Kind: "ServiceAccount"}:                                serviceaccount.Strategy,
	{Group: "apps", Kind: "Deployment"}:                     deployment.Strategy,
	{Group: "apps", Kind: "StatefulSet"}:                    statefulset.Strategy,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}: horizontalpodautoscaler.Strategy,
	{Group: "networking.k8s.io", Kind: "Ingress"}:           ingress.Strategy,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:     networkpolicy.Strategy,
	{Group: "policy", Kind: "PodDisruptionBudget"}:          poddisruptionbudget.Strategy,
}

// decoder says of fields that a kind does not have, sets the defaults, and gives the internal form that strategies take.
var decoder = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()

// Knows tells whether objects of a kind can be checked.
func Knows(kind schema.GroupKind) bool {
	_, ok := strategies[kind]
	return ok
}

// Check gives what is wrong with an object: what cannot be read into its kind, and what the API server would refuse.
func Check(content map[string]any) (unknown, invalid []string) {
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, []string{err.Error()}
	}
	object, kind, err := decoder.Decode(raw, nil, nil)
	if strict, ok := runtime.AsStrictDecodingError(err); ok {
		for _, fault := range strict.Errors() {
			unknown = append(unknown, fault.Error())
		}
	} else if err != nil {
		return nil, []string{err.Error()}
	}
	if object == nil {
		return unknown, nil
	}
	return unknown, create(object, *kind)
}

// create does what the API server does between decoding and storing.
func create(object runtime.Object, kind schema.GroupVersionKind) []string {
	about, err := meta.Accessor(object)
	if err != nil {
		return []string{err.Error()}
	}
	about.SetUID(types.UID("00000000-0000-0000-0000-000000000000"))
	about.SetCreationTimestamp(metav1.Now())
	if headless, ok := object.(*core.Service); ok && headless.Spec.ClusterIP == core.ClusterIPNone {
		// Set where addresses are given out, before the check.
		headless.Spec.ClusterIPs = []string{core.ClusterIPNone}
	}
	asked := &request.RequestInfo{IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version}
	ctx := request.WithRequestInfo(request.WithNamespace(context.Background(), about.GetNamespace()), asked)
	err = rest.BeforeCreate(strategies[kind.GroupKind()], ctx, object)
	if err == nil {
		return nil
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Details == nil {
		return []string{err.Error()}
	}
	faults := []string{}
	for _, cause := range status.ErrStatus.Details.Causes {
		faults = append(faults, cause.Field+": "+cause.Message)
	}
	return faults
}
