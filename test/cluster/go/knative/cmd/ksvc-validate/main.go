// ksvc-validate says of every Knative Service among Kubernetes manifests what Knative's webhook would have against it,
// and shows the Deployment that Knative would make of it. The schema of the object is not its matter.
//
//	ksvc-validate [-settings FOLDER -defaults FOLDER] MANIFESTS...      ("-" is the standard input)
//
// Settings is a folder with patches of Knative's config maps, defaults the folder with Knative's own. Prints a JSON list
// of verdicts, in the order of the objects, and ends with 0 whatever they are.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"knative.dev/pkg/apis"
	"knative.dev/pkg/system"
	apiconfig "knative.dev/serving/pkg/apis/config"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
	configurationresources "knative.dev/serving/pkg/reconciler/configuration/resources"
	revisionconfig "knative.dev/serving/pkg/reconciler/revision/config"
	revisionresources "knative.dev/serving/pkg/reconciler/revision/resources"
	serviceresources "knative.dev/serving/pkg/reconciler/service/resources"
	"sigs.k8s.io/yaml"
)

// Fault is one thing against an object, and who has it: the decoder, the list of annotations, the webhook, or the
// controller that makes the Deployment.
type Fault struct {
	Stage   string `json:"stage"`
	Message string `json:"message"`
}

// Verdict is about one object.
type Verdict struct {
	Name       string             `json:"name"`
	Faults     []Fault            `json:"faults"`
	Warnings   []string           `json:"warnings"`
	Deployment *appsv1.Deployment `json:"deployment,omitempty"`
}

func main() {
	settings := flag.String("settings", "", "folder with patches of Knative's config maps")
	defaults := flag.String("defaults", "", "folder with Knative's own config maps")
	flag.Parse()
	// The queue proxy is told where Knative is.
	os.Setenv(system.NamespaceEnvKey, "knative-serving")
	verdicts, err := run(*settings, *defaults, flag.Args())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(verdicts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(settings, defaults string, files []string) ([]Verdict, error) {
	patched, err := readSettings(settings)
	if err != nil {
		return nil, err
	}
	if defaults != "" {
		unknown, err := patched.unknownKeys(defaults)
		if err != nil {
			return nil, err
		}
		if len(unknown) > 0 {
			return nil, fmt.Errorf("Knative does not know: %s", strings.Join(unknown, ", "))
		}
	}
	config, err := patched.load()
	if err != nil {
		return nil, err
	}
	verdicts := []Verdict{}
	for _, file := range files {
		documents, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, document := range documents {
			verdicts = append(verdicts, judge(document, config))
		}
	}
	return verdicts, nil
}

// read gives the documents of a file that are Knative Services.
func read(file string) (documents [][]byte, err error) {
	input := os.Stdin
	if file != "-" {
		if input, err = os.Open(file); err != nil {
			return nil, err
		}
		defer input.Close()
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(input))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			return nil, err
		}
		if kind.APIVersion == servingv1.SchemeGroupVersion.String() && kind.Kind == "Service" {
			documents = append(documents, document)
		}
	}
}

func judge(document []byte, config *revisionconfig.Config) Verdict {
	verdict := Verdict{Faults: []Fault{}, Warnings: []string{}}
	service := &servingv1.Service{}
	if err := yaml.UnmarshalStrict(document, service); err != nil {
		verdict.Faults = append(verdict.Faults, Fault{"decoder", err.Error()})
		return verdict
	}
	verdict.Name = service.Name
	for _, message := range unknownAnnotations(service) {
		verdict.Faults = append(verdict.Faults, Fault{"annotations", message})
	}
	ctx := apis.WithinCreate(apiconfig.ToContext(context.Background(), config.Config))
	service.SetDefaults(ctx)
	found := service.Validate(ctx)
	if warnings := found.Filter(apis.WarningLevel); warnings != nil {
		verdict.Warnings = append(verdict.Warnings, warnings.Error())
	}
	if faults := found.Filter(apis.ErrorLevel); faults != nil {
		verdict.Faults = append(verdict.Faults, Fault{"webhook", faults.Error()})
		return verdict
	}
	deployment, err := deploymentOf(ctx, service, config)
	if err != nil {
		verdict.Faults = append(verdict.Faults, Fault{"controller", err.Error()})
		return verdict
	}
	verdict.Deployment = deployment
	return verdict
}

// deploymentOf goes the way of Knative's controllers: Service, Configuration, Revision, Deployment.
func deploymentOf(ctx context.Context, service *servingv1.Service, config *revisionconfig.Config) (*appsv1.Deployment, error) {
	configuration := serviceresources.MakeConfiguration(service)
	configuration.Generation = 1
	revision := configurationresources.MakeRevision(ctx, configuration, time.Now())
	revision.SetDefaults(ctx)
	// Given by the API server; a label carries it.
	revision.UID = "00000000-0000-0000-0000-000000000000"
	deployment, err := revisionresources.MakeDeployment(revision, config)
	if err != nil {
		return nil, err
	}
	deployment.TypeMeta = metav1.TypeMeta{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment"}
	return deployment, nil
}
