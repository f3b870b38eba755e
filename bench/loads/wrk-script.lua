-- Asks as its arguments say: bytes of a body that each request brings, and "close" for a connection of its own for each.
-- Prints what wrk measured as one line of JSON, its last.
init = function(args)
  local upload_bytes = tonumber(args[1] or "0")
  if upload_bytes > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("x", upload_bytes)
  end
  if args[2] == "close" then wrk.headers["Connection"] = "close" end
end

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"refused":%d,"broken":%d,"durationMicros":%d,"p50Micros":%d,"p99Micros":%d}\n',
    summary.requests,
    errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration,
    latency:percentile(50),
    latency:percentile(99)
  ))
end
