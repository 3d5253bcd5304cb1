// Package triggers knows what KEDA's scalers read.
package triggers

import (
	"fmt"
	"os"
	"sort"

	"sigs.k8s.io/yaml"
)

// Schema is the parameters that KEDA's scalers read from the metadata of a trigger, by the type of the trigger.
type Schema map[string]parameters

type parameters struct {
	known    map[string]bool
	required map[string]bool
}

type schemaFile struct {
	Scalers []struct {
		Type       string `json:"type"`
		Parameters []struct {
			Name     string `json:"name"`
			Optional bool   `json:"optional"`
			Default  string `json:"default"`
			Metadata bool   `json:"metadataVariableReadable"`
			FromEnv  bool   `json:"envVariableReadable"`
		} `json:"parameters"`
	} `json:"scalers"`
}

// Load reads the schema that KEDA generates from its scalers.
func Load(file string) (Schema, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var content schemaFile
	if err := yaml.Unmarshal(raw, &content); err != nil {
		return nil, err
	}
	schema := Schema{}
	for _, scaler := range content.Scalers {
		found := parameters{known: map[string]bool{}, required: map[string]bool{}}
		for _, parameter := range scaler.Parameters {
			if !parameter.Metadata {
				continue
			}
			found.known[parameter.Name] = true
			found.required[parameter.Name] = !parameter.Optional && parameter.Default == ""
			if parameter.FromEnv {
				found.known[parameter.Name+"FromEnv"] = true
			}
		}
		schema[scaler.Type] = found
	}
	return schema, nil
}

// Check gives the keys of a trigger's metadata that its scaler would not read, and those that it needs: KEDA itself
// passes over a key that it does not know.
func (s Schema) Check(kind string, metadata map[string]string) (faults []string) {
	scaler, ok := s[kind]
	if !ok {
		return []string{fmt.Sprintf("KEDA has no trigger %q", kind)}
	}
	for key := range metadata {
		if !scaler.known[key] {
			faults = append(faults, fmt.Sprintf("the trigger %s has no parameter %q", kind, key))
		}
	}
	for key, isRequired := range scaler.required {
		_, isGiven := metadata[key]
		_, isInEnv := metadata[key+"FromEnv"]
		if isRequired && !isGiven && !isInEnv {
			faults = append(faults, fmt.Sprintf("the trigger %s needs the parameter %q", kind, key))
		}
	}
	sort.Strings(faults)
	return faults
}
