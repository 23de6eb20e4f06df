import io, unittest, unittest.mock

class Case(unittest.IsolatedAsyncioTestCase):
    async def test_mock(self):
        with unittest.mock.patch("http.client.HTTPConnection.request", unittest.mock.AsyncMock()) as mock:
            await mock()
        with self.assertLogs() as logs:
            import logging
            logging.warning("x")

suite = unittest.defaultTestLoader.loadTestsFromTestCase(Case)
print(unittest.TextTestRunner(stream=io.StringIO()).run(suite))
