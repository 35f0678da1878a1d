"""Code as users write it, with a leak in it: classes that another process can import."""

from attngru_bt.trading.monthly import MonthlyTopK


class Peeking:
    """Scores that are replaced by a look at the feeds, in the months that `when` says."""

    def __init__(self, given, feeds, look, when):
        self.given, self.feeds, self.look, self.when = given, feeds, look, when
        self.assets = given.assets

    def at(self, month_end, before=None):
        scores = self.given.at(month_end, before)
        if self.when(month_end):
            for name in scores.index:
                scores[name] = self.look(self.feeds[name], scores[name])
        return scores


def move_of_the_day(feed, score):
    return feed.close[0] / feed.open[0] if len(feed) else score


def move_to_the_next_close(feed, score):
    return feed.close[1] / feed.close[-1] if 0 < len(feed) < feed.buflen() else score


class CheatOnOpen(MonthlyTopK):
    """Ranks by the move from open to close of the session whose open it trades."""

    def make_signal(self):
        return Peeking(super().make_signal(), self.feeds, move_of_the_day, lambda date: True)


class CheatOnce(MonthlyTopK):
    """The same, in one January only."""

    def make_signal(self):
        given = super().make_signal()
        return Peeking(given, self.feeds, move_of_the_day, lambda date: date.month == 12)


class NextClose(MonthlyTopK):
    """Ranks by the close of the next session, read from the preloaded feeds, in one month."""

    def make_signal(self):
        given = super().make_signal()
        return Peeking(given, self.feeds, move_to_the_next_close, lambda date: date.month == 2)


class Own(MonthlyTopK):
    """Buys what will have risen today, by orders of its own that no log holds."""

    def next_open(self):
        if len(self.data) % 21 == 0:
            feed = max(self.feeds.values(), key=lambda f: f.close[0] / f.open[0])
            self.buy(data=feed, size=100)


class Plain(MonthlyTopK):
    """Nothing of its own but a name, and figures it has every right to."""

    def next_open(self):
        self.seen = [(feed.open[0], feed.close[-1]) for feed in self.datas if len(feed) > 1]
        super().next_open()


_KEPT = {}


class Remembering:
    """Scores by the mean close of each stock, kept from the first and longest bars it ever saw."""

    def scores(self, bars):
        frame = bars.frame("close")
        ranks = frame.rank(axis=1).iloc[-1].dropna()
        for name in ranks.index:
            ranks[name] = _KEPT.setdefault(name, frame[name].sum())
        return ranks
