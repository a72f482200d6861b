// Package e2e holds the tests of the compiled programs: Terraform applies examples/salesforce against the sandbox, the agent
// runs as a process of its own from the output, people act, and both sides are compared in the sandbox's own data. Nothing of
// the agent or the provider is imported here.
package e2e
