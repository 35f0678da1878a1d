"""Stand-ins for akshare, baostock and yfinance: the documented shapes, no network.

Shapes are those of akshare 1.19.5, baostock 0.9.4 and yfinance 1.7.0: names of functions, arguments
and columns, types, units, order of rows, what an unknown symbol gives, which errors there are.

The A-share market: 600000.SH has a suspended day (2020-01-06) and a split of 2 for 1 on the day
after it; its cumulative factor before that was 4. Prices, volumes and factors are below.
"""

import types

import numpy as np
import pandas as pd

DAYS = ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08"]
CLOSE = [10.0, 10.5, None, 5.30, 5.40]  # None = suspended
PRECLOSE = [9.9, 10.0, None, 5.25, 5.30]
FACTOR = [4.0, 4.0, 4.0, 8.0, 8.0]
SHARES = [1_000_000, 1_200_000, None, 2_000_000, 2_500_000]
TURNOVER = [0.5, 0.6, None, 0.5, 0.625]  # per cent
EVENTS = [("2015-06-23", 2.0), ("2018-07-01", 4.0), ("2020-01-07", 8.0), ("2021-06-01", 9.0)]
FEB = ("600519.SH", "601318.SH")  # enter and leave on 2020-02-12
STEADY = ("600000.SH", "600036.SH")


def rows(start, end):
    """Day, open, high, low, close, preclose, shares, amount, turnover, day by day."""
    for day, close, before, shares, turn in zip(
        DAYS, CLOSE, PRECLOSE, SHARES, TURNOVER, strict=True
    ):
        if start <= day <= end:
            if close is None:
                yield day, None, None, None, None, None, None, None, None
            else:
                mean = round(close - 0.02, 4)
                yield (
                    day,
                    round(close - 0.05, 2),
                    round(close + 0.1, 2),
                    round(close - 0.1, 2),
                    close,
                    before,
                    shares,
                    shares * mean,
                    turn,
                )


class Failing:
    """Raises what is queued, in order, before it lets calls through; keeps a list of calls."""

    def __init__(self):
        self.errors = []
        self.calls = []

    def called(self, *what):
        self.calls.append(what)
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error


def make_akshare(lot=100):
    module = types.ModuleType("akshare")
    module.log = log = Failing()
    known = {"600000", "600036", "600519", "601318", "688001"}

    def stock_zh_a_hist(
        symbol="000001",
        period="daily",
        start_date="19700101",
        end_date="20500101",
        adjust="",
        timeout=None,
    ):
        log.called("hist", symbol, start_date, end_date)
        assert period == "daily" and adjust == "" and symbol.isdigit()
        start, end = (f"{d[:4]}-{d[4:6]}-{d[6:]}" for d in (start_date, end_date))
        found = [row for row in rows(start, end) if row[4] is not None] if symbol in known else []
        if not found:
            return pd.DataFrame()
        frame = pd.DataFrame(
            [
                {
                    "日期": pd.Timestamp(day).date(),
                    "股票代码": symbol,
                    "开盘": first,
                    "收盘": close,
                    "最高": high,
                    "最低": low,
                    "成交量": shares // lot,
                    "成交额": amount,
                    "振幅": 1.0,
                    "涨跌幅": 1.0,
                    "涨跌额": 0.1,
                    "换手率": turn,
                }
                for day, first, high, low, close, _, shares, amount, turn in found
            ]
        )
        return frame

    def stock_zh_a_daily(symbol="sh603843", start_date="19900101", end_date="21000118", adjust=""):
        log.called("factor", symbol)
        assert adjust == "hfq-factor" and symbol[:2] in ("sh", "sz")
        events = [("1900-01-01", 1.0), *EVENTS][::-1]  # newest first, values are text
        return pd.DataFrame(
            {
                "date": pd.to_datetime([day for day, _ in events]),
                "hfq_factor": [f"{value:.16f}" for _, value in events],
            }
        )

    def index_stock_cons_csindex(symbol="000300"):
        log.called("members", symbol)
        return pd.DataFrame(
            {
                "日期": [pd.Timestamp("2026-11-20").date()] * 2,
                "指数代码": [symbol] * 2,
                "成分券代码": ["600000", "600036"],
                "交易所": ["上海证券交易所"] * 2,
                "交易所英文名称": ["Shanghai Stock Exchange"] * 2,
            }
        )

    def stock_zh_index_daily(symbol="sh000922"):
        log.called("index", symbol)
        days = ["1990-12-19", *DAYS, "2026-11-20"]
        return pd.DataFrame(
            {
                "date": [pd.Timestamp(day).date() for day in days],
                "open": np.linspace(3000.0, 3060.0, len(days)),
                "high": np.linspace(3010.0, 3070.0, len(days)),
                "low": np.linspace(2990.0, 3050.0, len(days)),
                "close": np.linspace(3005.0, 3065.0, len(days)),
                "volume": [10_000_000] * len(days),
            }
        )

    for function in (
        stock_zh_a_hist,
        stock_zh_a_daily,
        index_stock_cons_csindex,
        stock_zh_index_daily,
    ):
        setattr(module, function.__name__, function)
    return module


class Answer:
    """A baostock ResultData: text rows, read with next() and get_row_data()."""

    def __init__(self, fields=(), data=(), error_code="0", error_msg="success"):
        self.fields, self.data = list(fields), [list(row) for row in data]
        self.error_code, self.error_msg = error_code, error_msg
        self._row = 0

    def next(self):
        return self._row < len(self.data)

    def get_row_data(self):
        self._row += 1
        return self.data[self._row - 1]


def make_baostock():
    module = types.ModuleType("baostock")
    module.log = log = Failing()
    module.answers = []  # error answers to give first: (code, message), or None to let one through
    module.inside = False

    def guard(*what):
        log.called(*what)
        if module.answers:
            wrong = module.answers.pop(0)
            if wrong is not None:
                return Answer(error_code=wrong[0], error_msg=wrong[1])
        if not module.inside:
            return Answer(error_code="10001001", error_msg="you don't login.")
        return None

    def login(user_id="anonymous", password="123456"):
        log.called("login")
        print("login success!")
        module.inside = True
        return Answer()

    def logout(user_id="anonymous"):
        log.called("logout")
        print("logout success!")
        module.inside = False
        return Answer()

    def query_history_k_data_plus(
        code, fields, start_date=None, end_date=None, frequency="d", adjustflag="3"
    ):
        wrong = guard("bars", code, start_date, end_date)
        if wrong is not None:
            return wrong
        assert frequency == "d" and adjustflag == "3" and code[2] == "." and len(code) == 9
        if code.startswith("sh.999"):
            return Answer(fields.split(","), [])
        table, old = [], "10.5000"
        for day, first, high, low, close, before, shares, amount, turn in rows(
            start_date, end_date
        ):
            if close is None:  # suspended: the old close everywhere, nothing traded
                row = dict.fromkeys(("open", "high", "low", "close", "preclose"), old)
                row |= {"volume": "0", "amount": "0.0000", "turn": "", "tradestatus": "0"}
            else:
                row = {"open": first, "high": high, "low": low, "close": close, "preclose": before}
                row = {name: f"{value:.4f}" for name, value in row.items()}
                row |= {"volume": str(shares), "amount": f"{amount:.4f}", "turn": f"{turn:.6f}"}
                row |= {"tradestatus": "1"}
            row |= {"date": day, "code": code, "isST": "0", "peTTM": "6.5", "pbMRQ": "0.9"}
            row |= {"psTTM": "2.1", "pcfNcfTTM": "-3.4"}
            table.append([row[name] for name in fields.split(",")])
        return Answer(fields.split(","), table)

    def query_adjust_factor(code, start_date=None, end_date=None):
        wrong = guard("factor", code, start_date, end_date)
        if wrong is not None:
            return wrong
        fields = (
            "code",
            "dividOperateDate",
            "foreAdjustFactor",
            "backAdjustFactor",
            "adjustFactor",
        )
        return Answer(
            fields,
            [
                (code, day, f"{value / 9:.6f}", f"{value:.6f}", f"{value:.6f}")
                for day, value in EVENTS
                if start_date <= day <= end_date
            ],
        )

    def members(date=""):
        wrong = guard("members", date)
        if wrong is not None:
            return wrong
        if date < "2006-01-01":
            return Answer(("updateDate", "code", "code_name"), [])
        names = [*STEADY, FEB[0] if date >= "2020-02-12" else FEB[1]]
        return Answer(
            ("updateDate", "code", "code_name"),
            [(date, f"{n[-2:].lower()}.{n[:6]}", "某某") for n in names],
        )

    module.login, module.logout = login, logout
    module.query_history_k_data_plus = query_history_k_data_plus
    module.query_adjust_factor = query_adjust_factor
    module.query_sz50_stocks = members
    module.query_hs300_stocks = members
    module.query_zz500_stocks = members
    return module


def yahoo(raw, splits, dividends, start="2020-01-01"):
    """What Yahoo makes of raw closes, splits (ratio) and dividends (per share of the day).

    Close is divided, Volume multiplied by the product of all later splits, dividends likewise; Adj
    Close is scaled by 1 - dividend / close before for each later dividend.
    """
    raw, splits, dividends = (np.asarray(v, dtype=float) for v in (raw, splits, dividends))
    later = np.r_[np.cumprod(splits[::-1])[::-1][1:], 1.0]
    close, paid = raw / later, dividends / later
    kept = np.ones(len(raw))
    kept[1:] = 1 - paid[1:] / close[:-1]
    adjusted = close * np.r_[np.cumprod(kept[::-1])[::-1][1:], 1.0]
    index = pd.bdate_range(start, periods=len(raw), tz="America/New_York", name="Date")
    return pd.DataFrame(
        {
            "Open": close * 0.99,
            "High": close * 1.02,
            "Low": close * 0.98,
            "Close": close,
            "Adj Close": adjusted,
            "Volume": (np.full(len(raw), 1000.0) * later).astype(np.int64),
            "Dividends": paid,
            "Stock Splits": np.where(splits == 1, 0.0, splits),
        },
        index=index,
    )


def make_yfinance(frames):
    """``frames``: ticker to what its history(period='max', auto_adjust=False) is."""
    module = types.ModuleType("yfinance")
    module.log = log = Failing()
    errors = types.ModuleType("yfinance.exceptions")

    class YFException(Exception):
        pass

    class YFTickerMissingError(YFException):
        pass

    class YFPricesMissingError(YFTickerMissingError):
        pass

    class YFRateLimitError(YFException):
        def __init__(self):
            super().__init__("Too Many Requests. Rate limited. Try after a while.")

    for error in (YFException, YFTickerMissingError, YFPricesMissingError, YFRateLimitError):
        setattr(errors, error.__name__, error)
    module.exceptions = errors
    module.config = types.SimpleNamespace(debug=types.SimpleNamespace(hide_exceptions=True))

    class Ticker:
        def __init__(self, ticker):
            self.ticker = ticker

        def history(self, period, interval, auto_adjust, actions):
            log.called("history", self.ticker)
            assert (period, interval, auto_adjust, actions) == ("max", "1d", False, True)
            if self.ticker in frames:
                return frames[self.ticker].copy()
            if not module.config.debug.hide_exceptions:
                raise YFPricesMissingError(
                    f"${self.ticker}: possibly delisted; no price data found"
                )
            return pd.DataFrame(columns=["Open", "High", "Low", "Close", "Adj Close", "Volume"])

    module.Ticker = Ticker
    return module
