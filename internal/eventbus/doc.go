// Package eventbus is the wire contract of Salesforce's Pub/Sub API, generated from eventbus.proto. The client in
// internal/salesforce and the simulated org are each written against it, and share nothing else.
package eventbus
