package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"unicode/utf8"
)

// errDecode marks pods that do not fit upstream's types; no API server would pass them on.
var errDecode = errors.New("does not decode")

const (
	workers = 2
	// chunk is how many pods a worker judges between hand-overs.
	chunk = 256
)

// random judges made-up pods. Each is made from the seed and its own number alone, so one can be seen again by itself.
func random(seed, first, count uint64, out sink) error {
	type result struct {
		cases []*judged
		err   error
	}
	// The workers take every other chunk; reading the channels in turn keeps the order.
	var (
		results [workers]chan result
		wait    sync.WaitGroup
		stop    = make(chan struct{})
	)
	defer wait.Wait()
	defer close(stop)
	for worker := range results {
		results[worker] = make(chan result, 4)
		wait.Go(func() {
			defer close(results[worker])
			r, err := newReferee()
			for at := uint64(worker) * chunk; at < count; at += workers * chunk {
				var cases []*judged
				for number := at; err == nil && number < min(at+chunk, count); number++ {
					var j *judged
					j, err = randomCase(r, seed, first+number)
					cases = append(cases, j)
				}
				select {
				case results[worker] <- result{cases, err}:
				case <-stop:
					return
				}
			}
		})
	}
	for turn := uint64(0); turn*chunk < count; turn++ {
		got := <-results[turn%workers]
		if got.err != nil {
			return got.err
		}
		for _, j := range got.cases {
			if err := out(j); err != nil {
				return err
			}
		}
	}
	return nil
}

// randomCase makes pods until one decodes; most do at once.
func randomCase(r *referee, seed, number uint64) (*judged, error) {
	rng := rand.New(rand.NewPCG(seed, number))
	for {
		q, err := randomQuestion(rng)
		if err != nil {
			return nil, err
		}
		q.id = fmt.Sprintf("random/%d", number)
		j, err := r.judge(q)
		if errors.Is(err, errDecode) {
			continue
		}
		return j, err
	}
}

// runes judges AppArmor annotations, whose bad values upstream quotes, made of every Unicode scalar value in turn.
func runes(out sink) error {
	r, err := newReferee()
	if err != nil {
		return err
	}
	const perPod = 256
	for start := rune(0); start <= utf8.MaxRune; start += perPod {
		var value []rune
		for c := start; c < start+perPod; c++ {
			if utf8.ValidRune(c) {
				value = append(value, c)
			}
		}
		if len(value) == 0 {
			continue // The surrogates.
		}
		pod, err := encode(object{
			"metadata": object{"annotations": object{appArmorPrefix + "a": string(value)}},
			"spec":     object{"containers": []any{object{"name": "a"}}},
		})
		if err != nil {
			return err
		}
		j, err := r.judge(question{fmt.Sprintf("runes/%U", start), "baseline", "latest", pod})
		if err != nil {
			return err
		}
		if err := out(j); err != nil {
			return err
		}
	}
	return nil
}

func encode(pod object) (json.RawMessage, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(pod); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(buffer.Bytes()), nil
}
