//go:build !supervisor

package main

import (
	"context"
	"os"
	_ "time/tzdata" // time zones of CronJobs

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // exec credentials in kubectl
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func init() {
	programs["etcd"] = func() int { etcdmain.Main(os.Args); return 0 }
	programs["kube-apiserver"] = server(apiserver.NewAPIServerCommand)
	programs["kube-controller-manager"] = server(controllermanager.NewControllerManagerCommand)
	programs["kube-scheduler"] = server(func() *cobra.Command { return scheduler.NewSchedulerCommand() })
	programs["kubelet"] = server(func() *cobra.Command {
		return kubelet.NewKubeletCommand(context.Background())
	})
	programs["kubectl"] = runKubectl
}

// server makes the command only when it is the chosen one: the constructors register feature gates
// and flags globally, and two of them in one process would clash.
func server(command func() *cobra.Command) func() int {
	return func() int { return cli.Run(command()) }
}

// runKubectl follows the main function of kubectl itself.
func runKubectl() int {
	_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err) // prints the error as kubectl does, and exits
	}
	return 0
}
