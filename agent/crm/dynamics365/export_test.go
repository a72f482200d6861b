package dynamics365

// LeadPrefix stands before the id of a lead.
const LeadPrefix = leadPrefix

// FallbackOwner is the user who owns deals that name nobody else.
func (e *Environment) FallbackOwner() string { return e.owner }
