-- Health of a PromptEvaluation in Argo CD. Healthy: it has passed. Degraded: it has failed, or came
-- to no verdict.
local health = {Passed = "Healthy", Failed = "Degraded", Error = "Degraded"}
local status = obj.status or {}
return {
  status = health[status.phase or ""] or "Progressing",
  message = status.message or "waiting for its verdict",
}
