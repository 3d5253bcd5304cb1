// Package definition checks an object against a CustomResourceDefinition as the API server does.
package definition

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// Definition is one version of a custom resource.
type Definition struct {
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

// Load reads the first version of the definition in a file.
func Load(file string) (*Definition, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(raw, &crd); err != nil {
		return nil, err
	}
	var internal apiextensions.CustomResourceValidation
	version := crd.Spec.Versions[0].Schema
	if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version, &internal, nil); err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	schema, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &Definition{structural, schema, cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// Check sets the defaults, and gives what is wrong: unknown fields, types and limits, rules (CEL). Unknown fields are
// taken out of the object.
func (d *Definition) Check(object map[string]any) (unknown, schema, rules []string) {
	options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range pruning.PruneWithOptions(object, d.structural, true, options) {
		unknown = append(unknown, fmt.Sprintf("unknown field %q", path))
	}
	defaulting.Default(object, d.structural)
	for _, fault := range validation.ValidateCustomResource(nil, object, d.schema) {
		schema = append(schema, fault.Error())
	}
	faults, _ := d.rules.Validate(context.Background(), nil, d.structural, object, nil, celconfig.RuntimeCELCostBudget)
	for _, fault := range faults {
		rules = append(rules, fault.Error())
	}
	return unknown, schema, rules
}
