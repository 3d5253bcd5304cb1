package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	netconfig "knative.dev/networking/pkg/config"
	"knative.dev/pkg/logging"
	apiconfig "knative.dev/serving/pkg/apis/config"
	autoscalerconfig "knative.dev/serving/pkg/autoscaler/config"
	"knative.dev/serving/pkg/deployment"
	"knative.dev/serving/pkg/observability"
	revisionconfig "knative.dev/serving/pkg/reconciler/revision/config"
	"sigs.k8s.io/yaml"
)

// queueImage stands for the image of the queue proxy, without which Knative makes no Deployment.
const queueImage = "knative.invalid/queue"

// Settings are the data of Knative's config maps by their names, as a fresh installation has them, which is empty but
// for examples, with the patches of ours.
type Settings map[string]map[string]string

// readSettings takes the config maps in the folder's YAML files; other objects there are passed over.
func readSettings(folder string) (Settings, error) {
	settings := Settings{"config-deployment": {deployment.QueueSidecarImageKey: queueImage}}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var patch corev1.ConfigMap
		if err := yaml.Unmarshal(raw, &patch); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if patch.Kind != "ConfigMap" {
			continue
		}
		if settings[patch.Name] == nil {
			settings[patch.Name] = map[string]string{}
		}
		maps.Copy(settings[patch.Name], patch.Data)
	}
	return settings, nil
}

// unknownKeys gives those keys of the patches that do not stand in the examples of Knative's own config maps: Knative
// passes over them.
func (s Settings) unknownKeys(folder string) ([]string, error) {
	var unknown []string
	for name, data := range s {
		raw, err := os.ReadFile(filepath.Join(folder, strings.TrimPrefix(name, "config-")+".yaml"))
		if err != nil {
			return nil, fmt.Errorf("Knative has no config map %s: %w", name, err)
		}
		for key := range data {
			if !strings.Contains(string(raw), key+":") {
				unknown = append(unknown, name+": "+key)
			}
		}
	}
	return unknown, nil
}

// load reads the settings as Knative does, which refuses values that it cannot use.
func (s Settings) load() (*revisionconfig.Config, error) {
	features, err := apiconfig.NewFeaturesConfigFromMap(s["config-features"])
	if err != nil {
		return nil, err
	}
	defaults, err := apiconfig.NewDefaultsConfigFromMap(s["config-defaults"])
	if err != nil {
		return nil, err
	}
	autoscaler, err := autoscalerconfig.NewConfigFromMap(s["config-autoscaler"])
	if err != nil {
		return nil, err
	}
	deployments, err := deployment.NewConfigFromMap(s["config-deployment"])
	if err != nil {
		return nil, err
	}
	network, err := netconfig.NewConfigFromMap(s["config-network"])
	if err != nil {
		return nil, err
	}
	logs, err := logging.NewConfigFromMap(s["config-logging"])
	if err != nil {
		return nil, err
	}
	observed, err := observability.NewFromMap(s["config-observability"])
	if err != nil {
		return nil, err
	}
	return &revisionconfig.Config{
		Config:        &apiconfig.Config{Defaults: defaults, Features: features, Autoscaler: autoscaler},
		Deployment:    deployments,
		Logging:       logs,
		Network:       network,
		Observability: observed,
	}, nil
}
