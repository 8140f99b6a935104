"""Works, waits until it is told to go on, and works again."""

import os
import sys
import time

from walk import establish, exchange

mark = sys.argv[1]
exchange(*establish(None, None))
open(os.path.splitext(mark)[0] + ".waits", "w").close()
while not os.path.exists(mark):
    time.sleep(0.01)
exchange(*establish(None, None))
print("outlived")
