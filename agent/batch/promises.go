package batch

import "sync"

// Promises are the answers that are on their way to one caller, by what was asked. Each is handed out once. The zero value has none.
type Promises[K comparable, V any] struct {
	mu   sync.Mutex
	list map[K][]*promise[V]
}

type promise[V any] struct {
	result Result[V]
	done   chan struct{}
}

// Ask begins to ask.
func (p *Promises[K, V]) Ask(question K, ask func() (V, error)) {
	asked := &promise[V]{done: make(chan struct{})}
	p.mu.Lock()
	if p.list == nil {
		p.list = map[K][]*promise[V]{}
	}
	p.list[question] = append(p.list[question], asked)
	p.mu.Unlock()
	go func() {
		defer close(asked.done)
		asked.result.Value, asked.result.Err = ask()
	}()
}

// Fetch gives the answer that was promised to a question, or asks. An answer that is on its way ends with the context of its Ask.
func (p *Promises[K, V]) Fetch(question K, ask func() (V, error)) (V, error) {
	p.mu.Lock()
	kept := p.list[question]
	if len(kept) > 0 {
		p.list[question] = kept[1:]
	}
	p.mu.Unlock()
	if len(kept) == 0 {
		return ask()
	}
	<-kept[0].done
	return kept[0].result.Value, kept[0].result.Err
}
