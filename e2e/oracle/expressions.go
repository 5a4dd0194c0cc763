package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/blang/semver/v4"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/version"
	admissioncel "k8s.io/apiserver/pkg/admission/plugin/cel"
	apicel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// The Kubernetes versions whose environments are asked.
var minors = []uint{33, 34, 35, 36, 37}

// An expression is what is asked, and what it may read.
type expression struct {
	Expression string         `json:"expression"`
	Object     any            `json:"object"`
	OldObject  any            `json:"oldObject"`
	Request    map[string]any `json:"request"`
	Namespace  map[string]any `json:"namespaceObject"`
}

// An outcome is a value as text, or that there is none: "compile", "plan" or "error", with the words.
type outcome struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

type evaluated struct {
	Expression string             `json:"expression"`
	Outcomes   map[string]outcome `json:"outcomes"`
}

// expressions evaluates each line of questions in the environment that Kubernetes gives admission.
func expressions(questions io.Reader, encode func(any) error) error {
	envs := map[uint]*cel.Env{}
	for _, minor := range minors {
		env, err := admissionEnv(minor)
		if err != nil {
			return err
		}
		envs[minor] = env
	}
	lines := bufio.NewScanner(questions)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var question expression
		decoder := json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.UseNumber()
		if err := decoder.Decode(&question); err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		answer := evaluated{question.Expression, map[string]outcome{}}
		for _, minor := range minors {
			answer.Outcomes[fmt.Sprintf("1.%d", minor)] = evaluate(envs[minor], &question)
		}
		if err := encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func admissionEnv(minor uint) (*cel.Env, error) {
	set := environment.MustBaseEnvSet(version.MajorMinor(1, minor))
	request, namespace := admissioncel.BuildRequestType(), admissioncel.BuildNamespaceType()
	extended, err := set.Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions: []cel.EnvOption{
			cel.Variable("object", cel.DynType),
			cel.Variable("oldObject", cel.DynType),
			cel.Variable("request", request.CelType()),
			cel.Variable("namespaceObject", namespace.CelType()),
		},
		DeclTypes: []*apicel.DeclType{request, namespace},
	})
	if err != nil {
		return nil, err
	}
	return extended.NewExpressionsEnv(), nil
}

// evaluate gives the outcome. Where upstream itself panics, nothing compiled.
func evaluate(env *cel.Env, question *expression) (told outcome) {
	defer func() {
		if fault := recover(); fault != nil {
			told = outcome{"compile", fmt.Sprintf("panic: %v", fault)}
		}
	}()
	compiled, issues := env.Compile(question.Expression)
	if issues != nil && issues.Err() != nil {
		return outcome{"compile", issues.Err().Error()}
	}
	program, err := env.Program(compiled, cel.InterruptCheckFrequency(100), cel.CostLimit(1_000_000))
	if err != nil {
		// Upstream evaluates what is constant when it plans.
		return outcome{"plan", err.Error()}
	}
	value, _, err := program.Eval(map[string]any{
		"object":          plain(question.Object),
		"oldObject":       plain(question.OldObject),
		"request":         plain(question.Request),
		"namespaceObject": plain(question.Namespace),
	})
	if err != nil {
		return outcome{"error", err.Error()}
	}
	return outcome{"value", show(value)}
}

// plain reads numbers as the API server does: 64 bit integers where they are, else doubles.
func plain(value any) any {
	switch value := value.(type) {
	case json.Number:
		if number, err := value.Int64(); err == nil {
			return number
		}
		number, _ := value.Float64()
		return number
	case []any:
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = plain(item)
		}
		return items
	case map[string]any:
		if value == nil {
			return nil
		}
		entries := map[string]any{}
		for key, item := range value {
			entries[key] = plain(item)
		}
		return entries
	default:
		return value
	}
}

// show writes a value so that two engines can be compared.
func show(value ref.Val) string {
	switch value := value.(type) {
	case types.Null:
		return "null"
	case types.Bool:
		return strconv.FormatBool(bool(value))
	case types.Int:
		return strconv.FormatInt(int64(value), 10)
	case types.Uint:
		return strconv.FormatUint(uint64(value), 10) + "u"
	case types.Double:
		return "double(" + strconv.FormatFloat(float64(value), 'g', -1, 64) + ")"
	case types.String:
		text, _ := json.Marshal(string(value))
		return string(text)
	case types.Bytes:
		return "bytes(" + hex.EncodeToString([]byte(value)) + ")"
	case types.Timestamp:
		return "timestamp(" + value.Time.UTC().Format(time.RFC3339Nano) + ")"
	case types.Duration:
		return "duration(" + strconv.FormatInt(value.Duration.Nanoseconds(), 10) + ")"
	case *types.Optional:
		if !value.HasValue() {
			return "optional.none()"
		}
		return "(" + show(value.GetValue()) + ")"
	case traits.Lister:
		var items []string
		for it := value.Iterator(); it.HasNext() == types.True; {
			items = append(items, show(it.Next()))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case traits.Mapper:
		var entries []string
		for it := value.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			entries = append(entries, show(key)+": "+show(value.Get(key)))
		}
		sort.Strings(entries)
		return "{" + strings.Join(entries, ", ") + "}"
	case *types.Type:
		return value.TypeName()
	}
	switch native := value.Value().(type) {
	case *resource.Quantity:
		decimal := native.AsDec()
		digits, exponent := decimal.UnscaledBig().String(), -int(decimal.Scale())
		for digits != "0" && strings.HasSuffix(digits, "0") {
			digits, exponent = digits[:len(digits)-1], exponent+1
		}
		if digits == "0" {
			exponent = 0
		}
		if exponent == 0 {
			return "quantity(" + digits + ")"
		}
		return fmt.Sprintf("quantity(%se%d)", digits, exponent)
	case netip.Addr:
		return "ip(" + native.String() + ")"
	case netip.Prefix:
		return "cidr(" + native.String() + ")"
	case *url.URL:
		return "url(" + native.String() + ")"
	case semver.Version:
		return "semver(" + native.String() + ")"
	case apicel.Format:
		return "format(" + strings.Replace(native.Name, "DNS", "dns", 1) + ")"
	default:
		return fmt.Sprintf("%s(%v)", value.Type().TypeName(), native)
	}
}
