data "cosell_preflight" "this" {
  # agent_config = cosell_connector.contoso.agent_config
}

# A warning at every plan while something is missing.
check "preflight" {
  assert {
    condition = data.cosell_preflight.this.ok
    error_message = join("\n", [
      for f in data.cosell_preflight.this.findings : "${f.code} ${f.object}: ${f.detail} ${f.fix}" if f.severity == "error"
    ])
  }
}
