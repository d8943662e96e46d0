-- Posts an article under a new number each time, so that no cache can know it, and tells at the end what came of it.
local head, tail, count = nil, nil, 0

function init(arguments)
  local file = io.open(arguments[1])
  head, tail = file:read("*a"):match('^(.-)#(.*)$')
  file:close()
end

function request()
  count = count + 1
  return wrk.format("POST", nil, {["Content-Type"] = "application/json"}, head .. count .. tail)
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{"rate": %f, "seconds": %f, "p50": %f, "p99": %f, "failed": %d}',
    summary.requests / summary.duration * 1e6, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
