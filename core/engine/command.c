/*
 * Recognising canonical commands.  The text is folded (case, accents, width, punctuation, blanks) into a short key; then it must
 * equal a phrase of the table, after polite words at either end are taken away one by one.  Equality is what keeps ordinary
 * questions out: "what time is it" is a phrase, "what time did we agree on" is not.  The phrases sit in a hash table that is
 * filled once.
 */
#include "command.h"

#include <pthread.h>
#include <string.h>
#include <utf8proc.h>

#include "../base/utf8.h"

#define TEXT_MAX 120
#define KEY_MAX 192
#define SLOTS 2048 /* power of two, well over twice the phrases */

struct phrase {
	enum command command;
	const char *words;
};

static const struct phrase phrases[] = {
	{ CMD_HELP, "help" }, { CMD_HELP, "help me" }, { CMD_HELP, "i need help" }, { CMD_HELP, "i need some help" }, { CMD_HELP, "usage" },
	{ CMD_HELP, "manual" }, { CMD_HELP, "commands" }, { CMD_HELP, "how do i use you" }, { CMD_HELP, "how do you work" },
	{ CMD_HELP, "how does this work" }, { CMD_HELP, "how do i use this" }, { CMD_HELP, "what are the commands" },
	{ CMD_HELP, "what commands do you know" }, { CMD_HELP, "what commands are there" }, { CMD_HELP, "list commands" },
	{ CMD_HELP, "show commands" }, { CMD_HELP, "show help" }, { CMD_HELP, "how can i use you" },
	{ CMD_HELP, "hilfe" }, { CMD_HELP, "hilf mir" }, { CMD_HELP, "ich brauche hilfe" }, { CMD_HELP, "befehle" }, { CMD_HELP, "anleitung" },
	{ CMD_HELP, "wie funktionierst du" }, { CMD_HELP, "wie geht das hier" },
	{ CMD_HELP, "aide" }, { CMD_HELP, "aide moi" }, { CMD_HELP, "aidez moi" }, { CMD_HELP, "a l aide" }, { CMD_HELP, "j ai besoin d aide" },
	{ CMD_HELP, "comment ca marche" }, { CMD_HELP, "commandes" },
	{ CMD_HELP, "ayuda" }, { CMD_HELP, "ayudame" }, { CMD_HELP, "necesito ayuda" }, { CMD_HELP, "comandos" }, { CMD_HELP, "como funcionas" },
	{ CMD_HELP, "como funciona esto" },
	{ CMD_HELP, "ヘルプ" }, { CMD_HELP, "使い方" }, { CMD_HELP, "使い方を教えて" }, { CMD_HELP, "助けて" }, { CMD_HELP, "手伝って" },
	{ CMD_HELP, "コマンド" }, { CMD_HELP, "コマンド一覧" },

	{ CMD_STATUS, "status" }, { CMD_STATUS, "your status" }, { CMD_STATUS, "whats your status" }, { CMD_STATUS, "what is your status" },
	{ CMD_STATUS, "show status" }, { CMD_STATUS, "show your status" }, { CMD_STATUS, "status report" }, { CMD_STATUS, "system status" },
	{ CMD_STATUS, "health" }, { CMD_STATUS, "are you ok" }, { CMD_STATUS, "are you okay" }, { CMD_STATUS, "are you there" },
	{ CMD_STATUS, "are you alive" }, { CMD_STATUS, "are you up" }, { CMD_STATUS, "are you working" }, { CMD_STATUS, "are you online" },
	{ CMD_STATUS, "ping" }, { CMD_STATUS, "eddy status" },
	{ CMD_STATUS, "wie ist dein status" }, { CMD_STATUS, "dein status" }, { CMD_STATUS, "zustand" }, { CMD_STATUS, "bist du da" },
	{ CMD_STATUS, "bist du online" },
	{ CMD_STATUS, "statut" }, { CMD_STATUS, "etat" }, { CMD_STATUS, "ton statut" }, { CMD_STATUS, "quel est ton statut" },
	{ CMD_STATUS, "quel est ton etat" }, { CMD_STATUS, "es tu la" }, { CMD_STATUS, "tu es la" },
	{ CMD_STATUS, "estado" }, { CMD_STATUS, "tu estado" }, { CMD_STATUS, "cual es tu estado" }, { CMD_STATUS, "estas ahi" },
	{ CMD_STATUS, "ステータス" }, { CMD_STATUS, "状態" }, { CMD_STATUS, "稼働状況" },

	{ CMD_WHOAMI, "whoami" }, { CMD_WHOAMI, "who am i" }, { CMD_WHOAMI, "who i am" }, { CMD_WHOAMI, "whats my name" },
	{ CMD_WHOAMI, "what is my name" }, { CMD_WHOAMI, "what do you know about me" }, { CMD_WHOAMI, "my name" },
	{ CMD_WHOAMI, "who am i to you" }, { CMD_WHOAMI, "whats my time zone" }, { CMD_WHOAMI, "what is my time zone" },
	{ CMD_WHOAMI, "whats my timezone" }, { CMD_WHOAMI, "what is my timezone" },
	{ CMD_WHOAMI, "wer bin ich" }, { CMD_WHOAMI, "wie heisse ich" }, { CMD_WHOAMI, "wie ist mein name" }, { CMD_WHOAMI, "wer ich bin" },
	{ CMD_WHOAMI, "qui suis je" }, { CMD_WHOAMI, "je suis qui" }, { CMD_WHOAMI, "comment je m appelle" },
	{ CMD_WHOAMI, "quel est mon nom" }, { CMD_WHOAMI, "comment est ce que je m appelle" },
	{ CMD_WHOAMI, "quien soy" }, { CMD_WHOAMI, "quien soy yo" }, { CMD_WHOAMI, "como me llamo" }, { CMD_WHOAMI, "cual es mi nombre" },
	{ CMD_WHOAMI, "私は誰" }, { CMD_WHOAMI, "私は誰ですか" }, { CMD_WHOAMI, "私の名前は" }, { CMD_WHOAMI, "私の名前は何ですか" },

	{ CMD_CAPABILITIES, "capabilities" }, { CMD_CAPABILITIES, "features" }, { CMD_CAPABILITIES, "skills" },
	{ CMD_CAPABILITIES, "what can you do" }, { CMD_CAPABILITIES, "what can you do for me" }, { CMD_CAPABILITIES, "what can you do for us" },
	{ CMD_CAPABILITIES, "what can you do here" }, { CMD_CAPABILITIES, "what you can do" }, { CMD_CAPABILITIES, "what do you do" },
	{ CMD_CAPABILITIES, "what are you able to do" }, { CMD_CAPABILITIES, "what are your capabilities" },
	{ CMD_CAPABILITIES, "what are your features" }, { CMD_CAPABILITIES, "what are your skills" }, { CMD_CAPABILITIES, "who are you" },
	{ CMD_CAPABILITIES, "what are you" }, { CMD_CAPABILITIES, "what can i ask you" }, { CMD_CAPABILITIES, "what can i ask" },
	{ CMD_CAPABILITIES, "how can you help" }, { CMD_CAPABILITIES, "how can you help me" }, { CMD_CAPABILITIES, "how can you help us" },
	{ CMD_CAPABILITIES, "what can you help with" }, { CMD_CAPABILITIES, "what can you help me with" },
	{ CMD_CAPABILITIES, "introduce yourself" }, { CMD_CAPABILITIES, "about you" }, { CMD_CAPABILITIES, "whats your name" },
	{ CMD_CAPABILITIES, "what is your name" },
	{ CMD_CAPABILITIES, "was kannst du" }, { CMD_CAPABILITIES, "was kannst du alles" }, { CMD_CAPABILITIES, "was kannst du tun" },
	{ CMD_CAPABILITIES, "was kannst du machen" }, { CMD_CAPABILITIES, "was kannst du fur mich tun" }, { CMD_CAPABILITIES, "wer bist du" },
	{ CMD_CAPABILITIES, "was bist du" }, { CMD_CAPABILITIES, "was machst du" }, { CMD_CAPABILITIES, "wobei kannst du helfen" },
	{ CMD_CAPABILITIES, "wie kannst du helfen" }, { CMD_CAPABILITIES, "wie kannst du mir helfen" }, { CMD_CAPABILITIES, "funktionen" },
	{ CMD_CAPABILITIES, "wie heisst du" },
	{ CMD_CAPABILITIES, "que peux tu faire" }, { CMD_CAPABILITIES, "que pouvez vous faire" }, { CMD_CAPABILITIES, "que sais tu faire" },
	{ CMD_CAPABILITIES, "qu est ce que tu peux faire" }, { CMD_CAPABILITIES, "qu est ce que tu sais faire" },
	{ CMD_CAPABILITIES, "tu peux faire quoi" }, { CMD_CAPABILITIES, "tu sais faire quoi" }, { CMD_CAPABILITIES, "qui es tu" },
	{ CMD_CAPABILITIES, "qui etes vous" }, { CMD_CAPABILITIES, "t es qui" }, { CMD_CAPABILITIES, "comment peux tu m aider" },
	{ CMD_CAPABILITIES, "comment tu t appelles" },
	{ CMD_CAPABILITIES, "que puedes hacer" }, { CMD_CAPABILITIES, "que sabes hacer" }, { CMD_CAPABILITIES, "quien eres" },
	{ CMD_CAPABILITIES, "que eres" }, { CMD_CAPABILITIES, "que haces" }, { CMD_CAPABILITIES, "que puedes hacer por mi" },
	{ CMD_CAPABILITIES, "como me puedes ayudar" }, { CMD_CAPABILITIES, "como puedes ayudarme" }, { CMD_CAPABILITIES, "como te llamas" },
	{ CMD_CAPABILITIES, "何ができる" }, { CMD_CAPABILITIES, "何ができますか" }, { CMD_CAPABILITIES, "なにができる" },
	{ CMD_CAPABILITIES, "なにができますか" }, { CMD_CAPABILITIES, "何ができるの" }, { CMD_CAPABILITIES, "あなたは誰" },
	{ CMD_CAPABILITIES, "あなたは誰ですか" }, { CMD_CAPABILITIES, "機能" }, { CMD_CAPABILITIES, "自己紹介して" },

	{ CMD_DATE, "date" }, { CMD_DATE, "the date" }, { CMD_DATE, "todays date" }, { CMD_DATE, "the date today" }, { CMD_DATE, "whats the date" },
	{ CMD_DATE, "what is the date" }, { CMD_DATE, "what date is it" }, { CMD_DATE, "which date is it" }, { CMD_DATE, "whats todays date" },
	{ CMD_DATE, "what is todays date" }, { CMD_DATE, "what day is it" }, { CMD_DATE, "which day is it" }, { CMD_DATE, "what day is today" },
	{ CMD_DATE, "what is today" }, { CMD_DATE, "whats today" }, { CMD_DATE, "what day of the week is it" },
	{ CMD_DATE, "what weekday is it" }, { CMD_DATE, "current date" }, { CMD_DATE, "what is the current date" },
	{ CMD_DATE, "whats the current date" }, { CMD_DATE, "what day it is" },
	{ CMD_DATE, "datum" }, { CMD_DATE, "das datum" }, { CMD_DATE, "das heutige datum" }, { CMD_DATE, "heutiges datum" },
	{ CMD_DATE, "welches datum ist heute" }, { CMD_DATE, "welches datum haben wir" }, { CMD_DATE, "welches datum haben wir heute" },
	{ CMD_DATE, "welcher tag ist heute" }, { CMD_DATE, "was ist heute fur ein tag" }, { CMD_DATE, "was ist heute fur ein datum" },
	{ CMD_DATE, "den wievielten haben wir" }, { CMD_DATE, "den wievielten haben wir heute" }, { CMD_DATE, "der wievielte ist heute" },
	{ CMD_DATE, "welchen tag haben wir heute" }, { CMD_DATE, "welchen tag haben wir" },
	{ CMD_DATE, "la date" }, { CMD_DATE, "quelle est la date" }, { CMD_DATE, "quelle date sommes nous" }, { CMD_DATE, "date du jour" },
	{ CMD_DATE, "la date du jour" }, { CMD_DATE, "quelle est la date d aujourd hui" }, { CMD_DATE, "quel jour sommes nous" },
	{ CMD_DATE, "on est quel jour" }, { CMD_DATE, "quel jour on est" }, { CMD_DATE, "quel jour est on" },
	{ CMD_DATE, "on est le combien" }, { CMD_DATE, "quelle est la date aujourd hui" },
	{ CMD_DATE, "fecha" }, { CMD_DATE, "la fecha" }, { CMD_DATE, "que fecha es" }, { CMD_DATE, "cual es la fecha" },
	{ CMD_DATE, "que dia es" }, { CMD_DATE, "a que dia estamos" }, { CMD_DATE, "a que fecha estamos" }, { CMD_DATE, "fecha de hoy" },
	{ CMD_DATE, "la fecha de hoy" }, { CMD_DATE, "cual es la fecha de hoy" }, { CMD_DATE, "que dia es hoy" }, { CMD_DATE, "que fecha es hoy" },
	{ CMD_DATE, "日付" }, { CMD_DATE, "今日の日付" }, { CMD_DATE, "今日の日付は" }, { CMD_DATE, "今日は何日" }, { CMD_DATE, "今日は何日ですか" },
	{ CMD_DATE, "今日は何曜日" }, { CMD_DATE, "今日は何曜日ですか" }, { CMD_DATE, "何日ですか" }, { CMD_DATE, "今日何日" }, { CMD_DATE, "今日何曜日" },

	{ CMD_TIME, "time" }, { CMD_TIME, "the time" }, { CMD_TIME, "current time" }, { CMD_TIME, "local time" }, { CMD_TIME, "clock" },
	{ CMD_TIME, "what time is it" }, { CMD_TIME, "what time it is" }, { CMD_TIME, "whats the time" }, { CMD_TIME, "what is the time" },
	{ CMD_TIME, "what time is it here" }, { CMD_TIME, "what is the current time" }, { CMD_TIME, "whats the current time" },
	{ CMD_TIME, "do you have the time" }, { CMD_TIME, "have you got the time" }, { CMD_TIME, "how late is it" },
	{ CMD_TIME, "date and time" }, { CMD_TIME, "time and date" }, { CMD_TIME, "the date and time" }, { CMD_TIME, "what is the date and time" },
	{ CMD_TIME, "whats the date and time" },
	{ CMD_TIME, "uhrzeit" }, { CMD_TIME, "die uhrzeit" }, { CMD_TIME, "zeit" }, { CMD_TIME, "wie spat ist es" }, { CMD_TIME, "wie spaet ist es" },
	{ CMD_TIME, "wieviel uhr ist es" }, { CMD_TIME, "wie viel uhr ist es" }, { CMD_TIME, "wie spat haben wir es" },
	{ CMD_TIME, "datum und uhrzeit" }, { CMD_TIME, "wie spat" }, { CMD_TIME, "wie ist die uhrzeit" },
	{ CMD_TIME, "heure" }, { CMD_TIME, "l heure" }, { CMD_TIME, "quelle heure est il" }, { CMD_TIME, "quelle heure il est" },
	{ CMD_TIME, "il est quelle heure" }, { CMD_TIME, "as tu l heure" }, { CMD_TIME, "tu as l heure" }, { CMD_TIME, "quelle heure" },
	{ CMD_TIME, "avez vous l heure" }, { CMD_TIME, "date et heure" }, { CMD_TIME, "quelle heure est il maintenant" },
	{ CMD_TIME, "hora" }, { CMD_TIME, "la hora" }, { CMD_TIME, "que hora es" }, { CMD_TIME, "que horas son" }, { CMD_TIME, "tienes hora" },
	{ CMD_TIME, "tienes la hora" }, { CMD_TIME, "hora actual" }, { CMD_TIME, "fecha y hora" },
	{ CMD_TIME, "時間" }, { CMD_TIME, "時刻" }, { CMD_TIME, "現在時刻" }, { CMD_TIME, "何時" }, { CMD_TIME, "何時ですか" }, { CMD_TIME, "今何時" },
	{ CMD_TIME, "今何時ですか" }, { CMD_TIME, "いま何時" }, { CMD_TIME, "いま何時ですか" }, { CMD_TIME, "今は何時" }, { CMD_TIME, "今は何時ですか" },
	{ CMD_TIME, "日時" },

	{ CMD_STOP, "stop" }, { CMD_STOP, "stop it" }, { CMD_STOP, "stop that" }, { CMD_STOP, "stop this" }, { CMD_STOP, "stop answering" },
	{ CMD_STOP, "stop stop" }, { CMD_STOP, "no stop" }, { CMD_STOP, "nein stopp" }, { CMD_STOP, "non arrete" }, { CMD_STOP, "stop writing" }, { CMD_STOP, "stop working" }, { CMD_STOP, "cancel" }, { CMD_STOP, "cancel that" },
	{ CMD_STOP, "cancel it" }, { CMD_STOP, "cancel this" }, { CMD_STOP, "abort" }, { CMD_STOP, "halt" }, { CMD_STOP, "never mind" },
	{ CMD_STOP, "nevermind" }, { CMD_STOP, "forget it" }, { CMD_STOP, "nvm" }, { CMD_STOP, "quit" }, { CMD_STOP, "exit" },
	{ CMD_STOP, "stopp" }, { CMD_STOP, "stop das" }, { CMD_STOP, "anhalten" }, { CMD_STOP, "abbrechen" }, { CMD_STOP, "abbruch" },
	{ CMD_STOP, "brich ab" }, { CMD_STOP, "hor auf" }, { CMD_STOP, "hoer auf" }, { CMD_STOP, "aufhoren" }, { CMD_STOP, "vergiss es" },
	{ CMD_STOP, "lass es" }, { CMD_STOP, "lass das" },
	{ CMD_STOP, "arrete" }, { CMD_STOP, "arretez" }, { CMD_STOP, "arrete ca" }, { CMD_STOP, "arrete toi" }, { CMD_STOP, "annule" },
	{ CMD_STOP, "annuler" }, { CMD_STOP, "laisse tomber" }, { CMD_STOP, "stoppe" }, { CMD_STOP, "laisse" },
	{ CMD_STOP, "para" }, { CMD_STOP, "parar" }, { CMD_STOP, "detente" }, { CMD_STOP, "alto" }, { CMD_STOP, "basta" }, { CMD_STOP, "cancela" },
	{ CMD_STOP, "cancelar" }, { CMD_STOP, "olvidalo" }, { CMD_STOP, "dejalo" }, { CMD_STOP, "para ya" },
	{ CMD_STOP, "ストップ" }, { CMD_STOP, "止めて" }, { CMD_STOP, "止まって" }, { CMD_STOP, "やめて" }, { CMD_STOP, "中止" }, { CMD_STOP, "中止して" },
	{ CMD_STOP, "停止" }, { CMD_STOP, "停止して" }, { CMD_STOP, "キャンセル" }, { CMD_STOP, "キャンセルして" },

	{ CMD_QUIET, "quiet" }, { CMD_QUIET, "be quiet" }, { CMD_QUIET, "quiet here" }, { CMD_QUIET, "be quiet here" }, { CMD_QUIET, "go quiet" },
	{ CMD_QUIET, "stay quiet" }, { CMD_QUIET, "stay quiet here" }, { CMD_QUIET, "keep quiet" }, { CMD_QUIET, "quiet in here" },
	{ CMD_QUIET, "mute" }, { CMD_QUIET, "mute yourself" }, { CMD_QUIET, "mute here" }, { CMD_QUIET, "shut up" }, { CMD_QUIET, "hush" },
	{ CMD_QUIET, "silence" }, { CMD_QUIET, "stop talking" }, { CMD_QUIET, "stop talking here" }, { CMD_QUIET, "stop replying" },
	{ CMD_QUIET, "stop replying here" }, { CMD_QUIET, "dont reply here" }, { CMD_QUIET, "dont answer here" }, { CMD_QUIET, "leave us alone" },
	{ CMD_QUIET, "stay out of this" }, { CMD_QUIET, "leave this thread" }, { CMD_QUIET, "be silent" }, { CMD_QUIET, "do not reply here" },
	{ CMD_QUIET, "do not answer here" }, { CMD_QUIET, "only answer when mentioned" }, { CMD_QUIET, "only reply when mentioned" },
	{ CMD_QUIET, "ruhe" }, { CMD_QUIET, "sei ruhig" }, { CMD_QUIET, "sei still" }, { CMD_QUIET, "sei leise" }, { CMD_QUIET, "still" },
	{ CMD_QUIET, "ruhig" }, { CMD_QUIET, "leise" }, { CMD_QUIET, "halt dich raus" }, { CMD_QUIET, "sei hier still" }, { CMD_QUIET, "schweig" },
	{ CMD_QUIET, "stumm" }, { CMD_QUIET, "sei hier ruhig" },
	{ CMD_QUIET, "tais toi" }, { CMD_QUIET, "taisez vous" }, { CMD_QUIET, "chut" }, { CMD_QUIET, "reste silencieux" }, { CMD_QUIET, "muet" },
	{ CMD_QUIET, "sois silencieux" },
	{ CMD_QUIET, "callate" }, { CMD_QUIET, "silencio" }, { CMD_QUIET, "guarda silencio" }, { CMD_QUIET, "callate aqui" },
	{ CMD_QUIET, "no respondas aqui" },
	{ CMD_QUIET, "静かに" }, { CMD_QUIET, "静かにして" }, { CMD_QUIET, "黙って" }, { CMD_QUIET, "ミュート" }, { CMD_QUIET, "返信しないで" },

	{ CMD_COME_BACK, "come back" }, { CMD_COME_BACK, "come back here" }, { CMD_COME_BACK, "unmute" }, { CMD_COME_BACK, "unmute yourself" },
	{ CMD_COME_BACK, "talk again" }, { CMD_COME_BACK, "speak again" }, { CMD_COME_BACK, "you can talk again" },
	{ CMD_COME_BACK, "you may talk again" }, { CMD_COME_BACK, "you can speak again" }, { CMD_COME_BACK, "you can come back" },
	{ CMD_COME_BACK, "wake up" }, { CMD_COME_BACK, "join us again" }, { CMD_COME_BACK, "rejoin" }, { CMD_COME_BACK, "not quiet" },
	{ CMD_COME_BACK, "answer here again" }, { CMD_COME_BACK, "reply here again" }, { CMD_COME_BACK, "stop being quiet" },
	{ CMD_COME_BACK, "komm zuruck" }, { CMD_COME_BACK, "komm wieder" }, { CMD_COME_BACK, "du darfst wieder reden" },
	{ CMD_COME_BACK, "du kannst wieder reden" }, { CMD_COME_BACK, "du darfst wieder sprechen" }, { CMD_COME_BACK, "rede wieder" },
	{ CMD_COME_BACK, "wach auf" },
	{ CMD_COME_BACK, "reviens" }, { CMD_COME_BACK, "revenez" }, { CMD_COME_BACK, "tu peux parler" }, { CMD_COME_BACK, "tu peux revenir" },
	{ CMD_COME_BACK, "reveille toi" }, { CMD_COME_BACK, "tu peux reparler" },
	{ CMD_COME_BACK, "vuelve" }, { CMD_COME_BACK, "regresa" }, { CMD_COME_BACK, "puedes hablar" }, { CMD_COME_BACK, "puedes volver" },
	{ CMD_COME_BACK, "despierta" }, { CMD_COME_BACK, "puedes hablar otra vez" },
	{ CMD_COME_BACK, "戻って" }, { CMD_COME_BACK, "戻ってきて" }, { CMD_COME_BACK, "ミュート解除" }, { CMD_COME_BACK, "話していいよ" },

	{ CMD_HISTORY, "history" }, { CMD_HISTORY, "show history" }, { CMD_HISTORY, "the history" }, { CMD_HISTORY, "history of this thread" },
	{ CMD_HISTORY, "your history" }, { CMD_HISTORY, "thread history" }, { CMD_HISTORY, "your history here" },
	{ CMD_HISTORY, "what did you do" }, { CMD_HISTORY, "what did you do here" }, { CMD_HISTORY, "what did you do in this thread" },
	{ CMD_HISTORY, "what have you done" }, { CMD_HISTORY, "what have you done here" }, { CMD_HISTORY, "what have you done in this thread" },
	{ CMD_HISTORY, "what have you done so far" }, { CMD_HISTORY, "show your history" }, { CMD_HISTORY, "activity" },
	{ CMD_HISTORY, "show your work" }, { CMD_HISTORY, "what you did" }, { CMD_HISTORY, "what you did here" },
	{ CMD_HISTORY, "verlauf" }, { CMD_HISTORY, "der verlauf" }, { CMD_HISTORY, "was hast du gemacht" }, { CMD_HISTORY, "was hast du getan" },
	{ CMD_HISTORY, "was hast du hier gemacht" }, { CMD_HISTORY, "was hast du hier getan" }, { CMD_HISTORY, "zeig den verlauf" },
	{ CMD_HISTORY, "historique" }, { CMD_HISTORY, "l historique" }, { CMD_HISTORY, "qu as tu fait" }, { CMD_HISTORY, "qu as tu fait ici" },
	{ CMD_HISTORY, "qu est ce que tu as fait" }, { CMD_HISTORY, "tu as fait quoi" },
	{ CMD_HISTORY, "historial" }, { CMD_HISTORY, "el historial" }, { CMD_HISTORY, "que has hecho" }, { CMD_HISTORY, "que hiciste" },
	{ CMD_HISTORY, "que has hecho aqui" }, { CMD_HISTORY, "que hiciste aqui" },
	{ CMD_HISTORY, "履歴" }, { CMD_HISTORY, "履歴を見せて" }, { CMD_HISTORY, "何をした" }, { CMD_HISTORY, "何をしましたか" }, { CMD_HISTORY, "何をしたの" },

	{ CMD_GREETING, "hi" }, { CMD_GREETING, "hello" }, { CMD_GREETING, "hey" }, { CMD_GREETING, "hiya" }, { CMD_GREETING, "howdy" },
	{ CMD_GREETING, "yo" }, { CMD_GREETING, "hi there" }, { CMD_GREETING, "hello there" }, { CMD_GREETING, "hey there" },
	{ CMD_GREETING, "good morning" }, { CMD_GREETING, "good afternoon" }, { CMD_GREETING, "good evening" }, { CMD_GREETING, "good day" },
	{ CMD_GREETING, "morning" }, { CMD_GREETING, "greetings" }, { CMD_GREETING, "eddy" },
	{ CMD_GREETING, "hi all" }, { CMD_GREETING, "hello all" }, { CMD_GREETING, "hey all" }, { CMD_GREETING, "hi everyone" },
	{ CMD_GREETING, "hello everyone" }, { CMD_GREETING, "hey everyone" }, { CMD_GREETING, "hi team" }, { CMD_GREETING, "hello team" },
	{ CMD_GREETING, "hey team" }, { CMD_GREETING, "hallo zusammen" }, { CMD_GREETING, "hola a todos" },
	{ CMD_GREETING, "hallo" }, { CMD_GREETING, "moin" }, { CMD_GREETING, "servus" }, { CMD_GREETING, "gruss gott" }, { CMD_GREETING, "guten morgen" },
	{ CMD_GREETING, "guten tag" }, { CMD_GREETING, "guten abend" }, { CMD_GREETING, "gruezi" }, { CMD_GREETING, "grussi" },
	{ CMD_GREETING, "bonjour" }, { CMD_GREETING, "salut" }, { CMD_GREETING, "bonsoir" }, { CMD_GREETING, "coucou" },
	{ CMD_GREETING, "hola" }, { CMD_GREETING, "buenos dias" }, { CMD_GREETING, "buenas tardes" }, { CMD_GREETING, "buenas noches" },
	{ CMD_GREETING, "buenas" }, { CMD_GREETING, "que tal" },
	{ CMD_GREETING, "こんにちは" }, { CMD_GREETING, "おはよう" }, { CMD_GREETING, "おはようございます" }, { CMD_GREETING, "こんばんは" },
	{ CMD_GREETING, "はじめまして" }, { CMD_GREETING, "もしもし" },
};
#define PHRASES (sizeof phrases / sizeof phrases[0])

/* Words that add nothing at the front or at the end.  Only whole words are taken. */
static const char *const prefixes[] = { "hi", "hey", "hello", "hallo", "hola", "bonjour", "salut", "moin", "good morning", "good afternoon",
	"good evening", "guten morgen", "guten tag", "buenos dias", "eddy", "please", "pls", "plz", "kindly", "ok", "okay", "so", "well", "um",
	"and", "dear", "thanks", "can you please", "could you please", "can you tell me", "could you tell me",
	"would you tell me", "can you show me", "could you show me", "can you", "could you", "would you", "will you", "please tell me",
	"tell me", "show me", "give me", "let me know", "i want to know", "i would like to know", "do you know", "just", "remind me", "bitte",
	"kannst du", "kannst du mir sagen", "konntest du", "sag mir", "sag mal", "zeig mir", "zeige mir", "weisst du", "und", "also", "na",
	"s il te plait", "s il vous plait", "stp", "svp", "peux tu", "pouvez vous", "peux tu me dire", "dis moi", "montre moi", "alors", "et",
	"por favor", "puedes", "podrias", "puedes decirme", "me puedes decir", "dime", "muestrame", "oye", "y", "ねえ", "すみません", NULL };
static const char *const suffixes[] = { "please", "pls", "plz", "eddy", "now", "right now", "today", "currently", "thanks", "thank you", "thx", "mate",
	"buddy", "everyone", "all", "team", "again please", "for me", "at the moment", "exactly", "then", "there", "bitte", "jetzt", "gerade",
	"danke", "heute", "mal", "denn", "zusammen", "s il te plait", "s il vous plait", "stp", "svp", "merci", "maintenant", "aujourd hui",
	"por favor", "porfa", "gracias", "ahora", "hoy", "a todos", "お願いします", "ください", "を教えて", "教えて", NULL };

static uint16_t slots[SLOTS]; /* index + 1 into phrases */
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;

static uint32_t hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h ^ h >> 15;
}

static void slots_fill(void)
{
	for (size_t i = 0; i < PHRASES; i++) {
		uint32_t at = hash(phrases[i].words, strlen(phrases[i].words)) & (SLOTS - 1);
		while (slots[at] != 0)
			at = (at + 1) & (SLOTS - 1);
		slots[at] = (uint16_t)(i + 1);
	}
}

static enum command lookup(const char *s, size_t n)
{
	for (uint32_t at = hash(s, n) & (SLOTS - 1); slots[at] != 0; at = (at + 1) & (SLOTS - 1)) {
		const struct phrase *p = &phrases[slots[at] - 1];
		if (strlen(p->words) == n && memcmp(p->words, s, n) == 0)
			return p->command;
	}
	return CMD_NONE;
}

/* The plain letter under a Latin one with marks, else the code point itself. */
static uint32_t unaccent(uint32_t c)
{
	static const char latin[] = "aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo*ouuuuypy"; /* U+00C0 .. U+00FF */
	if (c >= 0xc0 && c <= 0xff && latin[c - 0xc0] != '*')
		return (uint32_t)latin[c - 0xc0];
	if (c == 0x152 || c == 0x153)
		return 'o';
	return c;
}

enum letter { LETTER_NONE, LETTER_BLANK, LETTER_APOSTROPHE, LETTER_WORD, LETTER_BAD };

/* What ${c} is in a key; ${c} itself becomes its folded form. */
static enum letter fold(uint32_t *c)
{
	uint32_t u = *c;
	if (u >= 0xff01 && u <= 0xff5e) /* full width */
		u -= 0xfee0;
	if (u < 0x80) {
		if (u >= 'A' && u <= 'Z')
			u += 'a' - 'A';
		*c = u;
		if ((u >= 'a' && u <= 'z') || (u >= '0' && u <= '9'))
			return LETTER_WORD;
		if (u == '\'' || u == '`')
			return LETTER_APOSTROPHE;
		/* Signs of paths, formulas and code: such a text is not chat. */
		if (u == '=' || u == '\\' || u == '{' || u == '}' || u == '|' || u == '$' || u == '%' || u == '+' || u == '^' || u == '&')
			return LETTER_BAD;
		return LETTER_BLANK;
	}
	if (u == 0x2019 || u == 0x2018 || u == 0x2bc || u == 0xb4)
		return LETTER_APOSTROPHE;
	if (u == 0x200b || u == 0x200c || u == 0x200d || u == 0xfeff || (u >= 0xfe00 && u <= 0xfe0f) || u == 0xad || (u >= 0x300 && u <= 0x36f))
		return LETTER_NONE; /* invisible, or a combining mark */
	if (u < 0x250) {
		u = unaccent(u);
		*c = u < 0x80 ? u : (uint32_t)utf8proc_tolower((utf8proc_int32_t)u);
		if (u < 0x80)
			return LETTER_WORD;
	}
	switch (utf8proc_category((utf8proc_int32_t)*c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_ND:
		*c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)*c);
		return LETTER_WORD;
	default:
		return LETTER_BLANK;
	}
}

/*
 * Fold into ${key}: words between single blanks.  An apostrophe vanishes before a single s, t, m or re at the end of an English
 * word ("what's", "don't") and is a blank elsewhere ("l'heure").  False: not UTF-8, or nothing a command could be.
 */
static bool make_key(const char *s, size_t n, char key[KEY_MAX], size_t *key_len)
{
	size_t k = 0;
	bool blank = false;
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t step = utf8_decode(s + i, n - i, &c);
		if (step == 0)
			return false;
		/* An emoji by its short name (":wave:") is decoration. */
		if (c == ':' && i + 2 < n) {
			size_t j = i + 1;
			while (j < n && ((s[j] >= 'a' && s[j] <= 'z') || (s[j] >= '0' && s[j] <= '9') || s[j] == '_' || s[j] == '-' || s[j] == '+'))
				j++;
			if (j < n && j > i + 1 && s[j] == ':') {
				blank = true;
				i = j + 1;
				continue;
			}
		}
		i += step;
		bool sharp_s = c == 0xdf;
		switch (fold(&c)) {
		case LETTER_BAD:
			return false;
		case LETTER_NONE:
			continue;
		case LETTER_APOSTROPHE: {
			char next = i < n ? (char)(s[i] | 0x20) : '\0';
			bool last = i + 1 >= n || !((s[i + 1] | 0x20) >= 'a' && (s[i + 1] | 0x20) <= 'z');
			bool joined = last && (next == 's' || next == 't' || next == 'm');
			if (!joined)
				blank = true;
			continue;
		}
		case LETTER_BLANK:
			blank = true;
			continue;
		case LETTER_WORD:
			break;
		}
		if (k + 6 > KEY_MAX)
			return false;
		if (blank && k > 0)
			key[k++] = ' ';
		blank = false;
		if (sharp_s)
			key[k++] = 's';
		if (c < 0x80)
			key[k++] = (char)c;
		else
			k += utf8_encode(c, key + k);
	}
	*key_len = k;
	return k > 0;
}

static size_t prefix_len(const char *s, size_t n)
{
	size_t best = 0;
	for (size_t i = 0; prefixes[i] != NULL; i++) {
		const char *p = prefixes[i];
		if (p[0] != s[0])
			continue;
		size_t len = strlen(p);
		if (len < n && len > best && s[len] == ' ' && memcmp(p, s, len) == 0)
			best = len + 1;
	}
	return best;
}

static size_t suffix_len(const char *s, size_t n)
{
	size_t best = 0;
	for (size_t i = 0; suffixes[i] != NULL; i++) {
		const char *p = suffixes[i];
		size_t len = strlen(p);
		if (p[len - 1] != s[n - 1] || len >= n || memcmp(p, s + n - len, len) != 0)
			continue;
		bool whole = s[n - len - 1] == ' ';
		if (!whole && (uint8_t)p[0] < 0x80) /* Japanese has no blanks between words */
			continue;
		if (len + whole > best)
			best = len + whole;
	}
	return best;
}

enum command command_recognise(const char *text, size_t n)
{
	if (n == 0 || n > TEXT_MAX || text == NULL)
		return CMD_NONE;
	char key[KEY_MAX];
	size_t len;
	if (!make_key(text, n, key, &len))
		return CMD_NONE;
	pthread_once(&slots_once, slots_fill);
	const char *s = key;
	for (int round = 0; round < 8; round++) {
		enum command c = lookup(s, len);
		if (c != CMD_NONE)
			return c;
		size_t cut = prefix_len(s, len);
		if (cut > 0) {
			s += cut;
			len -= cut;
			continue;
		}
		cut = suffix_len(s, len);
		if (cut == 0)
			return CMD_NONE;
		len -= cut;
	}
	return CMD_NONE;
}

const char *command_name(enum command c)
{
	switch (c) {
	case CMD_NONE: return "none";
	case CMD_HELP: return "help";
	case CMD_STATUS: return "status";
	case CMD_WHOAMI: return "whoami";
	case CMD_CAPABILITIES: return "capabilities";
	case CMD_DATE: return "date";
	case CMD_TIME: return "time";
	case CMD_STOP: return "stop";
	case CMD_QUIET: return "quiet";
	case CMD_COME_BACK: return "come_back";
	case CMD_HISTORY: return "history";
	case CMD_GREETING: return "greeting";
	case CMD_INTRODUCE: return "introduce";
	case CMD_LATE: return "late";
	}
	return "unknown";
}
