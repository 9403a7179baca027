-- Health of a PromptRelease in Argo CD. Healthy: every label serves what was asked for. Suspended:
-- policies hold a move back. Degraded: somebody must act.
-- Argo CD has no library for strings here.
local status = obj.status
if status == nil or status.conditions == nil
    or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "waiting for the operator to look at it"}
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

local function holds(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

local function words(...)
  local found = {}
  for _, kind in ipairs({...}) do
    local condition = conditions[kind]
    if condition ~= nil and condition.message ~= nil and condition.message ~= "" then
      table.insert(found, condition.message)
    end
  end
  return table.concat(found, "; ")
end

-- Whether nothing but policies is in the way: a move has a digest when its version could be served.
-- Nobody asked for the moves of latest.
local function held()
  local found = false
  for name, label in pairs(status.labels or {}) do
    if name ~= "latest" and label.pending ~= nil then
      if label.pending.digest == nil then
        return false
      end
      found = true
    end
  end
  return found
end

if holds("Stalled") then
  return {status = "Degraded", message = words("Stalled")}
end
if holds("Ready") and not holds("Reconciling") then
  local also = {"Ready"}
  for _, kind in ipairs({"Withdrawing", "NeedsReevaluation"}) do
    if holds(kind) then
      table.insert(also, kind)
    end
  end
  return {status = "Healthy", message = words(unpack(also))}
end
if holds("Reconciling") and held() then
  return {status = "Suspended", message = words("Reconciling")}
end
return {status = "Progressing", message = words("Ready")}
