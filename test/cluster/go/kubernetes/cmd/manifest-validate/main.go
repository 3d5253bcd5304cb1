// manifest-validate says of every Kubernetes manifest what the API server would have against it: fields that its kind
// does not have, and whatever else it would refuse to create.
//
//	manifest-validate [-crds FOLDER]... MANIFESTS...      ("-" is the standard input)
//
// Custom resources are checked against the definitions in the folders. Prints a JSON list of verdicts, in the order of
// the objects, and ends with 0 whatever they are. It asks no admission webhook.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"antiphon/kubernetes/internal/builtin"
	"antiphon/kubernetes/internal/custom"
	"antiphon/kubernetes/internal/manifests"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Fault is one thing against an object: of its fields, or of what stands in them.
type Fault struct {
	Stage   string `json:"stage"`
	Message string `json:"message"`
}

// Verdict is about one object.
type Verdict struct {
	Kind   string  `json:"kind"`
	Name   string  `json:"name"`
	Faults []Fault `json:"faults"`
}

func main() {
	var folders []string
	flag.Func("crds", "folder of custom resource definitions; may be repeated", func(folder string) error {
		folders = append(folders, folder)
		return nil
	})
	flag.Parse()
	verdicts, err := run(folders, flag.Args())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(verdicts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folders, files []string) ([]Verdict, error) {
	definitions, err := custom.Load(folders)
	if err != nil {
		return nil, err
	}
	objects, err := manifests.Read(files)
	if err != nil {
		return nil, err
	}
	verdicts := []Verdict{}
	for _, object := range objects {
		verdicts = append(verdicts, judge(object, definitions))
	}
	return verdicts, nil
}

func judge(object unstructured.Unstructured, definitions custom.Definitions) Verdict {
	kind := object.GroupVersionKind()
	verdict := Verdict{Kind: kind.Kind, Name: object.GetName(), Faults: []Fault{}}
	var unknown, invalid []string
	definition, isCustom := definitions[kind]
	switch {
	case isCustom:
		unknown, invalid = definition.Check(object.Object)
	case builtin.Knows(kind.GroupKind()):
		unknown, invalid = builtin.Check(object.Object)
	default:
		invalid = []string{fmt.Sprintf("no definition of %s", kind)}
	}
	for _, message := range unknown {
		verdict.Faults = append(verdict.Faults, Fault{"fields", message})
	}
	for _, message := range invalid {
		verdict.Faults = append(verdict.Faults, Fault{"invalid", message})
	}
	return verdict
}
