# require: tornado
import asyncio
import tornado.httpclient, tornado.template, tornado.web
class Main(tornado.web.RequestHandler):
    def get(self): self.write({"hello": self.get_argument("name")})
async def main():
    server = tornado.web.Application([("/", Main)]).listen(0, "127.0.0.1")
    port = next(iter(server._sockets.values())).getsockname()[1]
    answer = await tornado.httpclient.AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/?name=x")
    return answer.body
assert asyncio.run(main()) == b'{"hello": "x"}'
assert tornado.template.Template("{% for x in y %}{{ x }};{% end %}").generate(y=[1, 2]) == b"1;2;"
print("ok")
