import requests
from flask import Flask, Response, jsonify, request

SERVICES = {"catalog": "http://127.0.0.1:9001", "orders": "http://127.0.0.1:9003"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
              "transfer-encoding", "upgrade", "content-length"}
app = Flask(__name__)

def passed_on(headers):
    return [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]

@app.route("/<service>/", defaults={"path": ""}, methods=METHODS)
@app.route("/<service>/<path:path>", methods=METHODS)
def forward(service, path):
    if service not in SERVICES:
        return jsonify(error="not found"), 404
    try:
        answer = requests.request(request.method, f"{SERVICES[service]}/{path}", params=request.query_string,
                                  headers=dict(passed_on(request.headers)), data=request.get_data(),
                                  allow_redirects=False, stream=True, timeout=10)
    except requests.RequestException:
        return jsonify(error="service unavailable"), 502
    return Response(answer.raw.read(), answer.status_code, passed_on(answer.raw.headers.items()))

@app.errorhandler(404)
def not_found(_):
    return jsonify(error="not found"), 404

app.run(port=8080)
