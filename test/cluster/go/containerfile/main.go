// containerfile-check reads Containerfiles with BuildKit's own front end, and says what it and its linter have against
// them: every stage, as for all targets.
//
//	containerfile-check FILES...
//
// Prints a JSON list of verdicts, one for each file, and ends with 0 whatever they are. Base images are not fetched: they
// are taken to exist and to set nothing.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// Finding is a rule of the linter that a line breaks.
type Finding struct {
	Rule   string `json:"rule"`
	Detail string `json:"detail"`
	Line   int32  `json:"line"`
}

// Verdict is about one file. Error is why it cannot be built at all, empty when it can.
type Verdict struct {
	File     string    `json:"file"`
	Error    string    `json:"error,omitempty"`
	Findings []Finding `json:"findings"`
}

func main() {
	verdicts := []Verdict{}
	for _, file := range os.Args[1:] {
		verdict, err := check(context.Background(), file)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		verdicts = append(verdicts, *verdict)
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(ctx context.Context, file string) (*Verdict, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	source := llb.NewSourceMap(nil, file, "Dockerfile", content)
	source.Definition = &llb.Definition{}
	results, err := dockerfile2llb.DockerfileLint(ctx, content, dockerfile2llb.ConvertOpt{
		Config:       dockerui.Config{},
		SourceMap:    source,
		MetaResolver: emptyImages{},
	})
	if err != nil {
		return nil, err
	}
	verdict := &Verdict{File: file, Findings: []Finding{}}
	if results.Error != nil {
		verdict.Error = results.Error.Message
	}
	for _, warning := range results.Warnings {
		verdict.Findings = append(verdict.Findings, Finding{warning.RuleName, warning.Detail, lineOf(warning.Location)})
	}
	return verdict, nil
}

func lineOf(location *pb.Location) int32 {
	for _, at := range location.GetRanges() {
		return at.GetStart().GetLine()
	}
	return 0
}

// emptyImages answers for any image as if it set nothing.
type emptyImages struct{}

func (emptyImages) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(`{"architecture":"amd64","os":"linux","config":{}}`), nil
}
