import io, wsgiref.handlers, wsgiref.simple_server, wsgiref.util, wsgiref.validate

environ = {}
wsgiref.util.setup_testing_defaults(environ)
out = io.BytesIO()
wsgiref.handlers.SimpleHandler(io.BytesIO(), out, io.StringIO(), environ).run(wsgiref.simple_server.demo_app)
print(out.getvalue().splitlines()[0])
