-- wrk's script: each request is a delivery of its own, from the lines that hooks_client.py has signed.
-- Called with their file, how many to pass over, and how many to take; prints one line of JSON.

local requests, sent = {}, 0

local function to_request(line)
  local signature, body = line:match("^(%S+) (.*)$")
  return wrk.format("POST", wrk.path, { ["X-Signature"] = signature, ["Content-Type"] = "application/json" }, body)
end

function init(arguments)
  local passed_over, taken = tonumber(arguments[2]), tonumber(arguments[3])
  for line in io.lines(arguments[1]) do
    passed_over = passed_over - 1
    if passed_over < 0 then table.insert(requests, to_request(line)) end
    if #requests == taken then break end
  end
end

function request()
  sent = sent + 1
  return requests[sent]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local per_second, p99 = 1e6 * summary.requests / summary.duration, latency:percentile(99) / 1000
  local form = '{"answers": %d, "failed": %d, "per_second": %f, "p99_ms": %f}'
  print(form:format(summary.requests, failed, per_second, p99))
end
