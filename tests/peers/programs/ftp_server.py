"""An FTP server with one account (pyftpdlib): ftp_server.py ADDRESS PORT USER PASSWORD FOLDER"""

import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

address, port, user, password, folder = sys.argv[1:]
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user(user, password, folder, perm="elradfmw")
FTPHandler.auth_failed_timeout = 0.5
FTPServer((address, int(port)), FTPHandler).serve_forever()
