package standin

import (
	"context"
	"net/http"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/conversion"
)

// quietManager gives KEDA's setup functions what they ask a manager for, and is never started. What it does not
// supply panics on the nil Manager, which says what a newer KEDA asks for.
type quietManager struct {
	manager.Manager
	builder *fake.ClientBuilder
	client  client.Client
	mapper  meta.RESTMapper
	scheme  *runtime.Scheme
	server  webhook.Server
}

// IndexField takes the indexes of the webhook into the client, which must have them before it is built.
func (m *quietManager) IndexField(_ context.Context, object client.Object, field string, value client.IndexerFunc) error {
	m.builder.WithIndex(object, field, value)
	return nil
}

func (m *quietManager) GetClient() client.Client {
	if m.client == nil {
		m.client = m.builder.Build()
	}
	return m.client
}

func (m *quietManager) GetFieldIndexer() client.FieldIndexer      { return m }
func (m *quietManager) GetRESTMapper() meta.RESTMapper            { return m.mapper }
func (m *quietManager) GetScheme() *runtime.Scheme                { return m.scheme }
func (m *quietManager) GetConfig() *rest.Config                   { return &rest.Config{} }
func (m *quietManager) GetHTTPClient() *http.Client               { return http.DefaultClient }
func (m *quietManager) GetWebhookServer() webhook.Server          { return m.server }
func (m *quietManager) GetLogger() logr.Logger                    { return logr.Discard() }
func (m *quietManager) GetControllerOptions() config.Controller   { return config.Controller{} }
func (m *quietManager) GetConverterRegistry() conversion.Registry { return conversion.NewRegistry() }
func (m *quietManager) GetEventRecorder(string) events.EventRecorder {
	return events.NewFakeRecorder(1000)
}
func (m *quietManager) GetCache() cache.Cache      { return nil }
func (m *quietManager) Add(manager.Runnable) error { return nil }
