-- Health of a PromptVersion in Argo CD. Healthy: it can be served. Degraded: it is invalid.
local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end

local valid = conditions["Valid"]
if valid ~= nil and valid.status == "True" then
  -- What is wrong with its chain does not keep it from being served.
  local chain = conditions["Chain"]
  if chain ~= nil and chain.status == "False" then
    return {status = "Healthy", message = chain.message or ""}
  end
  return {status = "Healthy", message = valid.message or ""}
end
if valid ~= nil and valid.status == "False" then
  -- It turns valid by itself when what it includes is created.
  if valid.reason == "IncludeMissing" then
    return {status = "Progressing", message = valid.message or ""}
  end
  return {status = "Degraded", message = valid.message or ""}
end
return {status = "Progressing", message = "waiting for the operator to look at it"}
