-- The request of a browser: twelve fields, about 700 bytes of head. Arguments after "--": METHOD BODY_BYTES.
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
wrk.headers["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
wrk.headers["Accept-Language"] = "en-GB,en;q=0.9,de;q=0.7"
wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
wrk.headers["Referer"] = "https://shop.example/catalog/list?page=3"
wrk.headers["Cookie"] = "session=3f1c9a52e7d84b06a1f5c2d9e8b7a640; consent=all; theme=dark; cart=8841-2210-7735; "
  .. "visitor=GA1.2.1183320467.1752316800; region=eu-central-1; experiment=checkout-b; last_seen=1752402345; tz=Europe%2FBerlin"
wrk.headers["Cache-Control"] = "max-age=0"
wrk.headers["Upgrade-Insecure-Requests"] = "1"
wrk.headers["Sec-Fetch-Dest"] = "document"
wrk.headers["Sec-Fetch-Mode"] = "navigate"
wrk.headers["Sec-Fetch-Site"] = "same-origin"

function init(args)
  wrk.method = args[1] or "GET"
  local bytes = tonumber(args[2] or "0")
  if bytes > 0 then wrk.body = string.rep("0123456789abcdef", bytes / 16) end
end

-- One line for the harness; %d since Lua would write 1e+06.
function done(summary)
  local e = summary.errors
  print(string.format(
    'SUMMARY {"requests":%d,"durationUs":%d,"bytes":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}',
    summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write, e.status, e.timeout))
end
