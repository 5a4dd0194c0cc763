package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// fixtures judges upstream's test pods, found at <level>/<version>/<pass|fail>/<name>.yaml. They stay in the module: none
// is copied into this repository.
func fixtures(dir string, out sink) error {
	if dir == "" {
		found, err := moduleTestdata()
		if err != nil {
			return err
		}
		dir = found
	}
	r, err := newReferee()
	if err != nil {
		return err
	}
	tree := os.DirFS(dir)
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		q, err := fixture(tree, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		j, err := r.judge(q)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if verdict := path.Base(path.Dir(name)); j.Allowed != (verdict == "pass") {
			return fmt.Errorf("%s: upstream's evaluator disagrees with its own fixture: %q", name, j.Text)
		}
		return out(j)
	})
}

// moduleTestdata asks Go where the module was unpacked; the working directory must be this module's.
func moduleTestdata() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	dir := strings.TrimSpace(string(out))
	if dir == "" {
		return "", errors.New("go list: the module is not downloaded")
	}
	return filepath.Join(dir, "test", "testdata"), nil
}

func fixture(tree fs.FS, name string) (question, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 {
		return question{}, errors.New("not at level/version/verdict/name")
	}
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return question{}, err
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(text, &pod); err != nil {
		return question{}, err
	}
	// An API server turns a volume without a source into an emptyDir before admission, and upstream's fixtures count on it.
	for i := range pod.Spec.Volumes {
		if source := &pod.Spec.Volumes[i].VolumeSource; *source == (corev1.VolumeSource{}) {
			source.EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
	object, err := json.Marshal(&pod)
	if err != nil {
		return question{}, err
	}
	return question{strings.TrimSuffix(name, ".yaml"), parts[0], parts[1], object}, nil
}
