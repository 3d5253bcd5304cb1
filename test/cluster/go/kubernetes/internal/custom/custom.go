// Package custom checks objects against CustomResourceDefinitions as the API server does.
package custom

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// Definitions are custom resources by their kind, with its group and version.
type Definitions map[schema.GroupVersionKind]*Definition

// Definition is one version of a custom resource.
type Definition struct {
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

// Load reads the definitions in the YAML files of the folders.
func Load(folders []string) (Definitions, error) {
	definitions := Definitions{}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := definitions.add(file); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return definitions, nil
}

func (d Definitions) add(file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(raw, &crd); err != nil {
		return err
	}
	if crd.Kind != "CustomResourceDefinition" {
		return nil
	}
	for _, version := range crd.Spec.Versions {
		definition, err := compile(version.Schema)
		if err != nil {
			return err
		}
		d[schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}] = definition
	}
	return nil
}

func compile(version *apiextensionsv1.CustomResourceValidation) (*Definition, error) {
	var internal apiextensions.CustomResourceValidation
	if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version, &internal, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &Definition{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// Check gives what is wrong with an object: fields that the definition does not have, then types, limits and rules.
func (d *Definition) Check(object map[string]any) (unknown, invalid []string) {
	options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(object, d.structural, true, options) {
		unknown = append(unknown, fmt.Sprintf("unknown field %q", path))
	}
	defaulting.Default(object, d.structural)
	for _, fault := range validation.ValidateCustomResource(nil, object, d.schema) {
		invalid = append(invalid, fault.Error())
	}
	faults, _ := d.rules.Validate(context.Background(), nil, d.structural, object, nil, celconfig.RuntimeCELCostBudget)
	for _, fault := range faults {
		invalid = append(invalid, fault.Error())
	}
	return unknown, invalid
}
