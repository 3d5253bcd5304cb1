// Package manifests reads Kubernetes objects as a chart renders them.
package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Read gives the objects of the YAML documents in the files, in order; "-" is the standard input. A key that stands
// twice is an error. Whole numbers stay int64, as in the API server: the rules of a definition refuse floats.
func Read(files []string) ([]unstructured.Unstructured, error) {
	var objects []unstructured.Unstructured
	for _, file := range files {
		found, err := readFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}

func readFile(file string) ([]unstructured.Unstructured, error) {
	raw, err := contentOf(file)
	if err != nil {
		return nil, err
	}
	var objects []unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		asJSON, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, err
		}
		var content map[string]any
		if err := json.Unmarshal(asJSON, &content); err != nil {
			return nil, err
		}
		if len(content) > 0 {
			objects = append(objects, unstructured.Unstructured{Object: content})
		}
	}
}

func contentOf(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
}
