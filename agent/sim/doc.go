// Package sim runs whole agents in virtual time: the application as cosell-agent runs it, its clients, intake and store, against
// the sandbox, over a network in memory, inside a testing/synctest bubble. A week of work takes seconds. Everything is in tests.
package sim
